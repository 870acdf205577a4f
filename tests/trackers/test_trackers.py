"""Every tracker's adapter does what is demanded of one, on the tracker's own local store."""

import json
import os
import struct
import sys
import types
from pathlib import Path

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.tracked import TrackedRun
from whydiff.testing.trackers import DEMANDS, READING, a_run
from whydiff.trackers import ADAPTERS, tracker_of
from whydiff.trackers.wandb import _records

pytestmark = pytest.mark.long


def mlflow_looked(uri, id):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    run = client.get_run(id)
    epochs = {}
    for name in run.data.metrics:
        for metric in client.get_metric_history(id, name):
            epochs.setdefault(metric.step, {})[name] = metric.value
    files = {
        item.path: Path(client.download_artifacts(id, item.path)).read_bytes()
        for item in client.list_artifacts(id)
    }
    failure = run.data.tags.get("whydiff.failure", "")
    assert run.info.status == ("FAILED" if failure else "FINISHED")
    metrics = tuple(epochs[step] for step in sorted(epochs))
    return TrackedRun(id, "", run.data.params, run.data.tags, metrics, files, failure=failure)


def wandb_looked(folder, id):
    import wandb

    wandb.teardown()  # its process writes on after a run's end
    parameters, tags, metrics, files = {}, {}, [], {}
    for run in sorted(Path(folder, "wandb").glob(f"offline-run-*-{id}")):
        for record in _records(run / f"run-{id}.wandb"):
            for update in (*record.run.config.update, *record.config.update):
                key = ".".join(update.nested_key) or update.key
                if not key.startswith("_"):
                    parameters[key] = json.loads(update.value_json)
            for item in record.summary.update:
                key = ".".join(item.nested_key) or item.key
                if key.startswith("tag/"):
                    tags[key.removeprefix("tag/")] = json.loads(item.value_json)
            row = {".".join(i.nested_key) or i.key: json.loads(i.value_json)
                   for i in record.history.item}  # fmt: skip
            if row:
                metrics.append({k: v for k, v in row.items() if not k.startswith("_")})
            for file in record.files.files:
                if file.path == "requirements.txt":  # W&B's own
                    continue
                files[file.path] = Path(run, "files", file.path).read_bytes()
    failure = tags.pop("failure", "")
    return TrackedRun(id, "", parameters, tags, tuple(metrics), files, failure=failure)


def tensorboard_looked(folder, id):
    sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("notf"))  # no TensorFlow
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    events = EventAccumulator(f"{folder}/{id}")
    events.Reload()
    parameters, tags, epochs = {}, {}, {}
    for name in events.Tags()["tensors"]:
        if name.endswith("/text_summary"):
            (value,) = events.Tensors(name)[0].tensor_proto.string_val
            tags[name.removesuffix("/text_summary")] = value.decode()
    for tag in ("_hparams_/session_start_info",):
        if tag in events.summary_metadata:
            content = events.summary_metadata[tag].plugin_data.content
            found = HParamsPluginData.FromString(content).session_start_info.hparams
            for name, value in found.items():
                parameters[name] = getattr(value, value.WhichOneof("kind"))
    for name in events.Tags()["scalars"]:
        for event in events.Scalars(name):
            if not name.startswith("last/"):
                epochs.setdefault(event.step, {})[name] = event.value
    files = {p.name: p.read_bytes() for p in Path(folder, id).iterdir() if "tfevents" not in p.name}
    failure = tags.pop("failure", "")
    metrics = tuple(epochs[step] for step in sorted(epochs))
    whole = {k: int(v) if isinstance(v, float) and v.is_integer() else v
             for k, v in parameters.items()}  # fmt: skip
    return TrackedRun(id, "", whole, tags, metrics, files, failure=failure)


def trackio_looked(project, id):
    import trackio
    from trackio.api import Api
    from trackio.sqlite_storage import SQLiteStorage

    (run,) = [one for one in Api().runs(project) if one.name == id]
    config = {k: v for k, v in run.config.items() if not k.startswith("_")}
    tags = {k.removeprefix("tag/"): v for k, v in config.items() if k.startswith("tag/")}
    rows = [row for row in SQLiteStorage.get_logs(project, id) if "files" not in row]
    metrics = tuple(
        {k: v for k, v in row.items() if k not in ("step", "timestamp")} for row in rows
    )
    files = {}
    again = trackio.init(project, name=id, resume="must", embed=False, auto_log_cpu=False)
    for name in ("page.html", "answer.json"):
        spelled = "".join(c if c.isalnum() or c in "-_." else "-" for c in f"{id}-{name}")
        try:
            kept = again.use_artifact(f"{spelled}:latest").download(
                os.environ["TRACKIO_DIR"] + "/d"
            )
        except ValueError:
            continue
        files[name] = (Path(kept) / name).read_bytes()
    again.finish()
    parameters = {k: v for k, v in config.items() if not k.startswith("tag/")}
    return TrackedRun(
        id, "", parameters, tags, metrics, files, failure=tags.get("failure", "")
    )  # fmt: skip


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """An address of each tracker's local store, and how a run of it is looked at."""
    folder = tmp_path_factory.mktemp("stores")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("WANDB_DIR", str(folder))
        patch.setenv("WANDB_SILENT", "true")
        patch.setenv("TRACKIO_DIR", str(folder / "trackio"))
        uri = f"sqlite:///{folder}/runs.db"
        yield {
            "mlflow": (f"mlflow:{uri}", lambda id: mlflow_looked(uri, id)),
            "wandb": ("wandb:tried", lambda id: wandb_looked(folder, id)),
            "tensorboard": (
                f"tensorboard:{folder}/tb",
                lambda id: tensorboard_looked(f"{folder}/tb", id),
            ),
            "trackio": ("trackio:tried", lambda id: trackio_looked("tried", id)),
        }


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda demand: demand.__name__)
@pytest.mark.parametrize("name", ADAPTERS)
def test_runs_are_written(places, name, demand):
    address, looked = places[name]
    demand(tracker_of(address), looked)


@pytest.mark.parametrize("demand", READING, ids=lambda demand: demand.__name__)
@pytest.mark.parametrize("name", ADAPTERS)
def test_runs_are_read(places, name, demand):
    address, looked = places[name]
    demand(tracker_of(address), looked)


def test_numbers_that_newer_writers_keep_as_tensors_are_read(tmp_path):
    """As Keras's callback does, which keeps training and validation in folders of their own."""
    from tensorboardX.proto.event_pb2 import Event

    for name, tensor in (
        ("train", {"dtype": 1, "float_val": [0.5]}),
        ("validation", {"dtype": 1, "tensor_content": struct.pack("<f", 0.75)}),
    ):
        event = Event(summary={"value": [{"tag": "epoch_loss", "tensor": tensor}]})
        content = event.SerializeToString()
        framed = struct.pack("<QI", len(content), 0) + content + bytes(4)
        (tmp_path / "r" / name).mkdir(parents=True)
        # the second event was cut off
        path = tmp_path / "r" / name / "events.out.tfevents.1"
        path.write_bytes(framed + framed[:-9])
    (read,) = tracker_of(f"tensorboard:{tmp_path}").read("r").metrics
    assert read == {"train/epoch_loss": 0.5, "validation/epoch_loss": 0.75}


def test_a_store_of_mlflow_that_is_a_folder_is_refused_with_its_switch(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    with pytest.raises(WhydiffError, match="no store that is a folder") as refused:
        tracker_of(f"mlflow:{tmp_path / 'mlruns'}")
    assert "MLFLOW_ALLOW_FILE_STORE=true" in refused.value.way_out
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    tracker = tracker_of(f"mlflow:{tmp_path / 'mlruns'}")
    assert tracker.read(tracker.write(a_run())).metrics[0]["loss"] == 0.25


def test_the_run_that_a_person_has_open_in_mlflow_stays_open_and_as_it_is(places):
    import mlflow

    mlflow.set_tracking_uri(places["mlflow"][0].removeprefix("mlflow:"))
    with mlflow.start_run() as own:
        tracker_of(places["mlflow"][0]).write(a_run())
        assert mlflow.active_run().info.run_id == own.info.run_id
    assert mlflow.get_run(own.info.run_id).data.params == {}


def test_the_run_that_a_person_has_open_in_wandb_stays_open(places):
    import wandb

    own = wandb.init(project="own", config={"mine": 1})
    tracker_of(places["wandb"][0]).write(a_run())
    assert wandb.run is own and dict(own.config) == {"mine": 1}
    own.finish()


def test_the_run_that_a_person_has_open_in_trackio_stays_open(places):
    import trackio
    from trackio import context_vars

    own = trackio.init("own", embed=False, auto_log_cpu=False, config={"mine": 1})
    config = trackio.config
    tracker_of(places["trackio"][0]).write(a_run())
    assert context_vars.current_run.get() is own and trackio.config is config
    own.finish()


def test_tensorboard_draws_the_metric_of_a_group_into_one_chart(places, tmp_path):
    id = tracker_of(f"tensorboard:{tmp_path}").write(a_run())
    tensorboard_looked(tmp_path, id)  # imports it without TensorFlow
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.custom_scalar import layout_pb2

    events = EventAccumulator(f"{tmp_path}/{id}")
    events.Reload()
    (proto,) = events.Tensors("custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(proto.tensor_proto.string_val[0])
    (category,) = layout.category
    assert [chart.title for chart in category.chart] == ["loss", "val_loss"]


@pytest.mark.parametrize(
    ("address", "said"),
    [("neptune:x", "there is no tracker 'neptune:x'"), ("wandb:", "names no place"),
     ("mlflow:nonsense://x", "mlflow:nonsense://x: ")],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(address, said):
    with pytest.raises(WhydiffError, match=said):
        tracker_of(address)


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(ADAPTERS, "wandb", "wandb_that_is_not_there")
    with pytest.raises(WhydiffError) as refused:
        tracker_of("wandb:p")
    assert refused.value.way_out == "pip install 'whydiff[wandb]'"
