# Data sets that have files: fetched once, verified always.


rule fetch_dataset:
    input:
        code=code("fetch_dataset.py"),
    output:
        manifest="data/raw/{dataset}.json",
    wildcard_constraints:
        dataset="|".join(name for name in DATASETS if DATASETS[name].fetched),
    resources:
        mem_mb=500,
        runtime=120,
        mirror=cfg.data_mirror or "",
    script:
        "../scripts/fetch_dataset.py"
