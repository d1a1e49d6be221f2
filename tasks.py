"""Tasks for `fab`: the same commands as `lab`, for hands that are used to Fabric.

Each hands its words to `lab`, so errors, hints and exit codes are the same. Where `lab` has a
family of commands, `fab` has a dot: `lab chaos halt node1` is `fab chaos.halt node1`.
"""

from invoke.collection import Collection

from lab.fab.box import build, diff, relock, sbom, show
from lab.fab.bundle import export, import_bundle, show_bundle
from lab.fab.chaos import corrupt, halt, start, start_api, stop_api
from lab.fab.kept import delete, freeze, goto, list_chapters, save, thaw
from lab.fab.machines import demo, down, heal, logs, reset, ssh, status, test, up
from lab.fab.nodes import cordon, drain, events, rotate, uncordon
from lab.fab.setting import bench_converge, bench_up, doctor, soak

namespace = Collection(
    *(up, down, reset, freeze, thaw, status, events, ssh, logs, demo, heal),
    *(cordon, drain, uncordon, doctor, soak, test),
    Collection("chaos", halt, start, stop_api, start_api, corrupt),
    Collection("chapter", save, goto, list_chapters, delete),
    Collection("box", build, relock, diff, show, sbom),
    Collection("bundle", export, show_bundle, import_bundle),
    Collection("token", rotate),
    Collection("bench", bench_up, bench_converge),
)
