"""The paper's Figure 1: of a few mixtures the candidates that a decoder left, beside the true sources.

Needs mixtures, the candidates of the decoder of the first row by LASS, and the codec. Makes
results/{dataset}_candidates.png, and .html to look at or to listen to. Rule: show_candidates.
"""


rule show_candidates:
    input:
        sources="results/{dataset}/sources/test",
        mixtures="results/{dataset}/mixtures/test.parquet",
        candidates=candidates_shown,
        codec=codec,
    output:
        figure=report(
            "results/{dataset}_candidates.png",
            caption="../report/candidates.rst",
            category="{dataset}",
        ),
        page=report(
            "results/{dataset}_candidates.html",
            caption="../report/candidates.rst",
            category="{dataset}",
        ),
    log:
        "results/logs/show_candidates/{dataset}.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(10),
        device="cpu",
    params:
        library=library,
        check=codec_check,
        metric=of_dataset("metric"),
        medium=of_dataset("medium"),
        classes=of_dataset("source_classes"),
        labels=asked(
            lambda dataset, wildcards: {each.source: each.label for each in dataset.prior_of_each_class}
        ),
        pictures=of_dataset("pictures"),
        candidates=settings.evaluation.candidates,
        code=code("show_candidates"),
    script:
        "../scripts/show_candidates.py"
