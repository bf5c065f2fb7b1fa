"""Figure: what the fit of the paper changes at infinite width: variance, chi_1, correlation map on the edge."""

from typing import Any

from replication.figures import panels, save, shared_legend, style, ticks
from replication.files import read_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

KINDS = {"odd": "tab:blue", "positive": "tab:orange"}

with job(snakemake), style():
    fitted, pairs, maps, exact_maps = (
        read_parquet(snakemake.input[name]) for name in ("fitted", "pairs", "maps", "exact_maps")
    )
    figure, ((variance, chi, correlation),) = panels(1, 3, 2.9)
    for kind, colour in KINDS.items():
        rows = fitted[fitted.kind == kind].sort_values("theta")
        exact = pairs[pairs.kind == kind].sort_values("theta")
        variance.plot(rows.theta, rows.limit, "o-", ms=4, color=colour, label=f"{kind}, fitted")
        chi.plot(rows.theta, rows.chi, "o-", ms=4, color=colour)
        chi.plot(exact.theta, exact.chi, "--", color=colour, label=f"{kind}, exact")
    variance.axhline(1, color="0.4", ls="--")
    variance.set(xscale="log", xlabel=r"$\theta$", ylabel=r"variance from 1, $\sigma_w = 1$")
    variance.set_title("where it tends to")
    chi.set(xscale="log", xlabel=r"$\theta$", ylabel=r"$\chi_1$ at $v = 1$, $\sigma_w = 1$")
    chi.set_title("Edge of Chaos")
    for ax in (variance, chi):
        ticks(ax, [2, 3, 5, 10])
    for found, dashes in ((maps, "-"), (exact_maps[exact_maps.activation == "odd"], "--")):
        rows = found[(found.place == "on") & (found.quantity == "correlation")].sort_values("at")
        correlation.plot(rows["at"], rows["value"] - rows["at"], dashes, color=KINDS["odd"])
    correlation.set(xlabel="$c$", ylabel="$c' - c$")
    correlation.set_title(rf"odd, on its edge, $\theta = {snakemake.params.theta:g}$")
    shared_legend(figure, [variance, chi], 4)
    save(figure, snakemake.output.figure, snakemake.params.dpi)
