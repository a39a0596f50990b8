"""Latent autoregressive source separation, from data to table: `snakemake --cores 8 results/slakh_sdr.csv`."""

from snakemake.utils import min_version

min_version("9.27")


configfile: f"{workflow.basedir}/config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/checkpoints.smk"
include: "workflow/rules/cluster.smk"
include: "workflow/rules/fingerprints.smk"
include: "workflow/rules/origins.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/downloads.smk"
include: "workflow/rules/compared.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/tokenizer.smk"
include: "workflow/rules/likelihood.smk"
include: "workflow/rules/measured.smk"
include: "workflow/rules/priors.smk"
include: "workflow/rules/diffusion.smk"
include: "workflow/rules/separation.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/pictures.smk"
include: "workflow/rules/distances.smk"
include: "workflow/rules/shifts.smk"
include: "workflow/rules/packing.smk"
include: "workflow/rules/models.smk"


rule all:
    default_target: True
    input:
        final_files,
    localrule: True
