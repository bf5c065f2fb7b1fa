"""The same seed gives the same data, tables and figures, bit for bit."""

from pipeline import SMOKE, copy_of_the_project, hashes, snakemake, with_config


def test_one_core_and_other_batches_change_no_result(finished, tmp_path):
    """The whole run, all stages."""
    project = copy_of_the_project(tmp_path)
    correlations = SMOKE["propagation"]["correlations"] | {"memory_mb": 20}
    config = with_config(
        project,
        ks_two_layer={"memory_mb": 8},
        propagation={"memory_mb": 20, "correlations": correlations},
        edge_of_chaos={"memory_mb": 20},
        relu_law={"memory_mb": 20},
    )
    snakemake(project, "--cores", "1", config=config)
    found, expected = hashes(project), hashes(finished)
    assert len(found) > 200
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
