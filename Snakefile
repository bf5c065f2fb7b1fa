from snakemake.utils import min_version

min_version("9.0")

if "scale" not in config:

    configfile: "config/laptop.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/exact.smk"
include: "workflow/rules/ks_study.smk"
include: "workflow/rules/fitted.smk"
include: "workflow/rules/constraints.smk"
include: "workflow/rules/propagation.smk"
include: "workflow/rules/edge_of_chaos.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/relu_law.smk"
include: "workflow/rules/kernels.smk"
include: "workflow/rules/heavy_tails.smk"
include: "workflow/rules/replication.smk"
include: "workflow/rules/notebooks.smk"
include: "workflow/rules/targets.smk"


rule all:
    default_target: True
    input:
        rules.figures.input,
        rules.tables.input,
        rules.notebooks.input,
        rules.intermediates.input,


onstart:
    check_folders()
    expected_cost()


if (
    "PREACTIVATIONS_PLAN" in os.environ
):  # workflow/plan.py, whose dry run starts nothing
    expected_cost()


onsuccess:
    summary()
