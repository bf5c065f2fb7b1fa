"""The same seed gives the same results, bit for bit, and a run needs and touches nothing outside its checkout.

One run of all stages: on one core, with other batches, without a network, where nothing but the checkout and a folder
for temporary files can be written to.
"""

import pytest
from copies import SMOKE, copy_of_the_project, environment, hashes, make, with_config
from sandbox import sandbox

# every mount read-only, but the checkout, and two empty disks: the home and the temporary files
MOUNTS = """
    mount --bind {project} {project}
    mount -t tmpfs none {home}
    mount -t tmpfs none {temporary}
    cut -d' ' -f5 /proc/self/mountinfo | sort -u | while read -r place; do
        case $place in
            {project}|{home}|{temporary}|/proc*|/sys*|/dev*) ;;
            *) mount -o remount,ro,bind "$place" 2> /dev/null || mount -o remount,ro "$place" 2> /dev/null || true ;;
        esac
    done
    for place in {project}/.. "$HOME" / /tmp /var/tmp /usr /etc; do
        if touch "$place/elsewhere" 2> /dev/null; then echo "$place can be written to" >&2; exit 1; fi
    done
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(checkout, output, what is left in the home and among the temporary files)."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("project", "home", "temporary")}
    project = copy_of_the_project(folders["project"])
    correlations, two_layer = (
        SMOKE["propagation"][part] | {"memory_mb": size}
        for part, size in (("correlations", 20), ("two_layer", 8))
    )
    config = with_config(
        project,
        propagation={"memory_mb": 20, "correlations": correlations, "two_layer": two_layer},
        edge_of_chaos={"memory_mb": 20},
        isometry={"memory_mb": 20},
    )
    (project / config).rename(project / "config" / "smoke.yaml")
    where = {
        key: value
        for key, value in environment(project).items()
        if not key.startswith(("XDG_", "MPL", "IPYTHON", "JUPYTER", "PREACTIVATIONS"))
    }
    where |= {"HOME": str(folders["home"]), "TMPDIR": str(folders["temporary"])}
    with sandbox(MOUNTS.format(**folders)) as place:
        status, output = place.run(
            *make(project, "reproduce", "SCALE=smoke", "CORES=1"), cwd=project, env=where
        )
        assert status == 0, output
        left = [
            path
            for name in ("home", "temporary")
            for path in place.seen(folders[name]).rglob("*")
            if path.is_file()
        ]
    return project, output, left


def test_one_core_and_other_batches_change_no_result(run, finished):
    project, output, _ = run
    assert "Verdicts in tables/smoke/verdicts_numbers.csv" in output
    found, expected = hashes(project), hashes(finished)
    assert len(found) > 200
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []


def test_nothing_outside_the_checkout_is_touched(run):
    """It could not be, and the run did not mind; nothing is left where it could."""
    _, output, left = run
    assert left == []
    assert "Read-only file system" not in output
