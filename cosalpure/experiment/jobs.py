"""Which shards, conditions, tables and figures an experiment needs: what the rules and `cosalpure plan` ask.

    jobs = Jobs(experiment)
    jobs.spans("degrade", "mini", "jadena")     ["0000-0012", "0012-0024"]
    jobs.table_files(*jobs.tables)              ["results/tables/table1.parquet", ...]

Nothing is computed or read here but the names in folders of photos and of finished shards, and the code that makes results.
Conditions are tuples (dataset, degradation, purifier, detector); a block is (dataset, degradation).
"""

from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path

from cosalpure.bundled import located
from cosalpure.data.layouts import count_groups, fingerprint, has_truth
from cosalpure.errors import UserError
from cosalpure.experiment.experiment import Experiment
from cosalpure.experiment.layout import DEPTH, TABLE_KINDS, Layout, every, span_ends, span_name
from cosalpure.experiment.spans import partition
from cosalpure.fingerprint import code_of, data_code
from cosalpure.methods import Family
from cosalpure.tables import ABLATED, Condition, conditions_of, table_names

SHOWN = span_name(0, 6)  # groups of the figures of concepts: the first ones
FAMILY: dict[str, Family] = {"degrade": "degradations", "purify": "purifiers", "detect": "detectors"}  # of a stage
Block = tuple[str, str]


class Jobs:
    """The jobs of an experiment; `layout` says where their files lie."""

    def __init__(self, experiment: Experiment, layout: Layout | None = None):
        self.experiment, self.layout = experiment, layout or Layout()
        self.entries, self._code_of = experiment.entries, cache(code_of)
        self.conditions, self.once = list(experiment.conditions), experiment.once
        datasets = [experiment.datasets[name] for name in every(its[0] for its in self.conditions)]
        self.groups = {its.name: count_groups(its.name, its.settings) for its in datasets}
        self.scored = {its.name for its in datasets if has_truth(its.settings)}  # datasets with ground truth
        self._spans: dict[tuple[str, ...], list[str]] = {}  # of entries, looked up on disk once: a plan must not change

    # --- shards -------------------------------------------------------------------------------------------------------
    def spans(self, stage: str, *names: str) -> list[str]:
        """List the spans of all jobs of a stage's entry: finished shards keep their size, the rest has the configured one."""
        key = (stage, *names)
        if key not in self._spans:
            finished, size = self.layout.finished(stage, *names), self.experiment.groups_per_job.of(stage)
            found = partition(finished, self.groups[names[0]], size)
            self._spans[key] = [span_name(start, end) for start, end in found]
        return self._spans[key]

    def covering(self, stage: str, *names: str, span: str | None = None) -> list[str]:
        """List the spans of a stage's entry that hold the groups of a later stage's job; all without a span."""
        found = self.spans(stage, *names)
        if span is None:
            return found
        first, end = span_ends(span)
        return [its for its in found if span_ends(its)[0] < end and span_ends(its)[1] > first]

    def shards(self, stage: str, *names: str, span: str | None = None) -> list[str]:
        """List the shard files that a job's groups need from an entry of a stage; all of them without a span."""
        return [self.layout.shard(stage, *names, span=its) for its in self.covering(stage, *names, span=span)]

    def all_shards(self, stage: str) -> list[str]:
        """List the shard files of a stage over all conditions."""
        entries = every(its[: DEPTH[stage]] for its in self.conditions)
        return [file for names in entries for file in self.shards(stage, *names)]

    def manifests(self) -> list[str]:
        """List the manifests of all datasets."""
        return [self.layout.manifest(name) for name in self.groups]

    # --- files that jobs read beside earlier results ------------------------------------------------------------------
    def archive(self, dataset: str, archives: dict[str, str]) -> list[str]:
        """List the archive that a dataset is made from: its own, or the published one of `archives` (file: name)."""
        its = self.experiment.datasets[dataset]
        if its.path is None:
            return [f"datasets/{file}" for file, name in archives.items() if name == its.settings.source]
        return [its.path] if Path(its.path).is_file() else []

    def content(self, dataset: str) -> str:
        """Fingerprint what a folder of photos holds: a photo more or less is a reason to make the dataset again."""
        path = self.experiment.datasets[dataset].path
        return fingerprint(path) if path else ""

    def model_index(self) -> list[str]:
        """List the text-to-image model's index file: a newer one reruns what it was used for. The hub's has none here."""
        path = self.experiment.text_to_image.path
        return [] if path.startswith("hf:") else [f"{located(path)}/model_index.json"]

    def model_text(self, name: str, speed: bool = True, family: Family = "purifiers") -> str:
        """Write the text-to-image model's settings for a method that loads it, else none; `speed` as in `as_json`."""
        its = self.experiment.entry(family, name)
        return self.experiment.text_to_image.as_json(speed) if its.needs_model else "{}"

    def weights(self, name: str, family: Family = "purifiers") -> list[str]:
        """List the files that a method loads: the text-to-image model's index and the weights that its settings name."""
        its = self.experiment.entry(family, name)
        return [*(self.model_index() if its.needs_model else ()), *its.files]

    def seen_images(self, dataset: str, degradation: str, purifier: str, span: str) -> list[str]:
        """List the images that a detector sees: the purified ones, and the degraded ones where maps are averaged."""
        found = self.shards("purify", dataset, degradation, purifier, span=span)
        its = self.experiment.purifiers[purifier]
        return found + (self.shards("degrade", dataset, degradation, span=span) if its.average_maps else [])

    def average_option(self, dataset: str, degradation: str, purifier: str) -> str:
        """Write --average-with FOLDER for a purifier whose maps are averaged with the degraded images', else nothing."""
        folder = self.layout.stage("degrade", dataset, degradation)
        return f"--average-with {folder}" if self.experiment.purifiers[purifier].average_maps else ""

    def draws_option(self, degradation: str, purifier: str) -> str:
        """Write --draws K where a purifier's noise is drawn several times, else nothing."""
        return f" --draws {draws}" if (draws := self.experiment.draws_of(degradation, purifier)) > 1 else ""

    def code(self, stage: str, **names: str) -> str:
        """Fingerprint the code that computes an entry of a stage, or a figure: another one is a reason to rerun it."""
        if stage == "data":
            return data_code(self.experiment.datasets[names["dataset"]].settings.source)
        family = FAMILY.get(stage)
        own = self.experiment.entry(family, names[family[:-1]]).code if family else self._code_of(stage)
        several = "purifier" in names and self.experiment.draws_of(names["degradation"], names["purifier"]) > 1
        return f"{own}, {self._code_of('draws')}" if several else own

    # --- concepts -----------------------------------------------------------------------------------------------------
    @cached_property
    def reading(self) -> list[tuple[str, str, str]]:
        """(dataset, degradation whose concept is read, purifier) of every condition that reads one, each once."""
        reading = [its for its in self.conditions if self.experiment.purifiers[its[2]].reads_concept]
        attacks = [(*its[:3], self.experiment.entry("degradations", its[1]).known_concepts) for its in self.conditions]
        known = [(dataset, source, purifier) for dataset, _, purifier, source in attacks if source]
        return every([(its[0], self.concept_source(*its[1:3]), its[2]) for its in reading] + known)

    def concept_source(self, degradation: str, purifier: str) -> str:
        """Name the degradation whose concepts a purifier reads: the one that it purifies, or that of its `concepts_from`."""
        return self.experiment.purifiers[purifier].concepts_from or degradation

    def concepts_known(self, dataset: str, degradation: str, span: str) -> list[str]:
        """List the concepts that an attack's job reads: those that its purifier will be given, or that it needs itself."""
        its = self.experiment.entry("degradations", degradation)
        part = None if its.knows_other_groups else span
        return self.shards("concept", dataset, its.known_concepts, span=part) if its.known_concepts else []

    def known_option(self, dataset: str, degradation: str) -> str:
        """Write --concepts FOLDER for an attack that knows them, else nothing."""
        source = self.experiment.entry("degradations", degradation).known_concepts
        return f"--concepts {self.layout.stage('concept', dataset, source)}" if source else ""

    def concept_shards(self) -> list[str]:
        """List the concepts of every degradation that a purifier reads them for."""
        return [file for block in every(its[:2] for its in self.reading) for file in self.shards("concept", *block)]

    def concepts_read(self, dataset: str, degradation: str, purifier: str, span: str) -> list[str]:
        """List the concepts that a purifier's job reads: of its groups, or of all where it takes other groups' concepts."""
        its, source = self.experiment.purifiers[purifier], self.concept_source(degradation, purifier)
        asked = None if its.reads_other_groups else span
        return self.shards("concept", dataset, source, span=asked) if its.reads_concept else []

    def concepts_option(self, dataset: str, degradation: str, purifier: str) -> str:
        """Write --concepts FOLDER for a purifier that reads them, else nothing."""
        folder = self.layout.stage("concept", dataset, self.concept_source(degradation, purifier))
        return f"--concepts {folder}" if self.experiment.purifiers[purifier].reads_concept else ""

    def concept_figures(self) -> list[str]:
        """List previews beside each clean reference of the same dataset, and attention maps, where concepts are read."""
        clean = every(its[:2] for its in self.once if self._role("degradations", its[1]) == "reference")
        read = every(its[:3] for its in self.once if its in self.experiment.learned)
        blocks = every(its[:2] for its in read if its[:2] not in clean)
        beside = [(*block, name) for block in blocks for dataset, name in clean if dataset == block[0]]
        previews = [self.layout.figure("concepts", *names) for names in beside]
        return previews + [self.layout.figure("attention", *names) for names in read]

    # --- scores and tables --------------------------------------------------------------------------------------------
    @cached_property
    def scored_conditions(self) -> list[Condition]:
        """The conditions of datasets with ground truth."""
        return [its for its in self.conditions if its[0] in self.scored]

    def scores(self, conditions: Iterable[Condition] | None = None) -> list[str]:
        """List the score files of conditions, or of all that can be scored."""
        return [self.layout.score(*its) for its in (self.scored_conditions if conditions is None else conditions)]

    def curves(self) -> list[str]:
        """List the curves of all conditions that can be scored."""
        return [self.layout.curves(*its) for its in self.scored_conditions]

    @cached_property
    def table_degradation(self) -> str:
        """The degradation that the tables are about: the first one that degrades."""
        named = [its[1] for its in self.scored_conditions or self.conditions]
        return next((name for name in named if self._role("degradations", name) != "reference"), named[0])

    @cached_property
    def tables(self) -> list[str]:
        """The names of all tables that the experiment has something for; none where nothing is scored."""
        if not self.scored_conditions:
            return []
        return table_names(self.scored_conditions, self.table_degradation, self.entries)

    def table_files(self, *tables: str) -> list[str]:
        """List the files of tables, of all kinds; a UserError names a table that the experiment has nothing of."""
        for name in tables:
            if name not in self.tables:
                its = f"it has {', '.join(self.tables)}" if self.tables else "nothing is scored"
                raise UserError(f"{name}: the experiment runs nothing of it; {its}")
        return [self.layout.table(name, kind) for name in tables for kind in TABLE_KINDS]

    def table_scores(self, table: str) -> list[str]:
        """List the score files that a table is made of."""
        return self.scores(conditions_of(table, self.scored_conditions, self.table_degradation, self.entries))

    # --- figures ------------------------------------------------------------------------------------------------------
    def figures(self) -> list[str]:
        """List all figures of a plain run."""
        kinds = [self.layout.figure("overview", *block) for block in self.overviews]
        kinds += [self.layout.figure(kind, dataset, degradation) for dataset, degradation, kind in self.comparisons]
        kinds += [self.layout.figure("failures", *names) for names in self.failures]
        return kinds + [self.layout.figure("sweep", name) for name in self.experiment.sweeps]

    def page(self) -> list[str]:
        """List the report page; nothing where nothing is scored."""
        return [self.layout.page] if self.scored else []

    @cached_property
    def overviews(self) -> dict[tuple[str, str, str], list[str]]:
        """{(dataset, degradation, detector): purifiers}: a figure where several purifiers met a degradation.

        What cannot be scored is shown in any case: there is nothing else to look at.
        """
        blocks: dict[tuple[str, str, str], list[str]] = {}
        for dataset, degradation, purifier, detector in self.once:
            blocks.setdefault((dataset, degradation, detector), []).append(purifier)
        return {
            (dataset, degradation, detector): purifiers
            for (dataset, degradation, detector), purifiers in blocks.items()
            if dataset not in self.scored
            or (len(purifiers) > 1 and self._role("degradations", degradation) != "reference")
        }

    def overview_maps(self, dataset: str, degradation: str, detector: str) -> list[str]:
        """List the shards of all maps of an overview."""
        purifiers = self.overviews[dataset, degradation, detector]
        return [file for name in purifiers for file in self.shards("detect", dataset, degradation, name, detector)]

    @cached_property
    def compared(self) -> dict[Block, list[str]]:
        """{(dataset, degradation): purifiers} of what can be scored and is degraded, purified in more than one way."""
        found: dict[Block, dict[str, None]] = {}
        for dataset, degradation, purifier, _ in self.once:
            if dataset in self.scored and self._role("degradations", degradation) != "reference":
                found.setdefault((dataset, degradation), {})[purifier] = None
        return {block: list(purifiers) for block, purifiers in found.items() if len(purifiers) > 1}

    @cached_property
    def comparisons(self) -> dict[tuple[str, str, str], list[str]]:
        """{(dataset, degradation, kind): purifiers} of the paper's Figures 6 (comparison) and 7 (ablation)."""
        found = {}
        for block, purifiers in self.compared.items():
            roles = {name: self._role("purifiers", name) for name in purifiers}
            others = [name for name in purifiers if roles[name] != "ablation"]
            ablated = [name for name in purifiers if roles[name] in ABLATED]
            kinds = {"comparison": others, "ablation": ablated if "ablation" in roles.values() else []}
            for kind, names in kinds.items():
                if len(names) > 1 and self.common_detectors(*block, names):
                    found[(*block, kind)] = names
        return found

    @cached_property
    def failures(self) -> list[tuple[str, str, str]]:
        """[(dataset, degradation, purifier), ...] of the paper's Figure 2: of DiffPure, and of the last purifier."""
        return [
            (*block, name)
            for block, purifiers in self.compared.items()
            for name in purifiers
            if name == purifiers[-1] or self.experiment.purifiers[name].method == "diffpure"
        ]

    def common_detectors(self, dataset: str, degradation: str, purifiers: list[str]) -> list[str]:
        """List the detectors that look at what all of the purifiers leave, in order."""
        run = [[its[3] for its in self.once if its[:3] == (dataset, degradation, name)] for name in purifiers]
        return [name for name in run[0] if all(name in others for others in run)]

    def figure_purifiers(self, dataset: str, degradation: str, kind: str = "", purifier: str = "") -> list[str]:
        """List the purifiers of a figure: of a comparison (its `kind`) several, of failures the one `purifier`."""
        return self.comparisons[dataset, degradation, kind] if kind else [purifier]

    def figure_detectors(self, dataset: str, degradation: str, **which: str) -> list[str]:
        """List the detectors of a figure of comparison or failures; `which` as in `figure_purifiers`."""
        return self.common_detectors(dataset, degradation, self.figure_purifiers(dataset, degradation, **which))

    def figure_scores(self, dataset: str, degradation: str, **which: str) -> list[str]:
        """List the score files behind a figure of comparison or failures; `which` as in `figure_purifiers`."""
        purifiers = self.figure_purifiers(dataset, degradation, **which)
        detectors = self.common_detectors(dataset, degradation, purifiers)
        return self.scores((dataset, degradation, purifier, name) for purifier in purifiers for name in detectors)

    def _role(self, family: str, name: str) -> str | None:
        return self.entries.role(family, name)
