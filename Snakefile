from snakemake.utils import min_version

min_version("9.0")


# The laptop scale is the default; a file of another scale (--configfile) states how it differs, and its name.
if workflow.overwrite_configfiles and "scale" not in config:
    raise WorkflowError("the configuration states no scale: the name of the folders of its results")


configfile: "config/laptop.yaml"


report: "workflow/report/workflow.rst"


# In the order of what they need: files of rules, sections of the configuration, folders of data, targets, chapters.
STAGES = [
    "density",
    "activation",
    "propagation",
    "edge_of_chaos",
    "training",
    "isometry",
    "kernels",
    "fractional",
    "verdicts",
]


include: "workflow/rules/common.smk"
include: "workflow/rules/datasets.smk"


for stage in STAGES:

    include: f"workflow/rules/{stage}.smk"


include: "workflow/rules/notebooks.smk"
include: "workflow/rules/targets.smk"


rule all:
    default_target: True
    input:
        rules.figures.input,
        rules.tables.input,
        rules.notebooks.input,
        rules.intermediates.input,


complete(workflow.rules)


onstart:
    check_folders()
    expected_cost()


onsuccess:
    if "PREACTIVATIONS_PART" not in os.environ:  # the whole of it, as `make` runs it last
        summary()
