"""What was run and what came out of it, as files: for everything that reads results."""

from dfbench.catalogue.cards import ClipSpec as ClipSpec
from dfbench.catalogue.records import Prediction as Prediction
from dfbench.results.predictions import PREDICTION_COLUMNS as PREDICTION_COLUMNS
from dfbench.results.predictions import read_predictions as read_predictions
from dfbench.results.predictions import rewrite as rewrite
from dfbench.results.predictions import write_predictions as write_predictions
from dfbench.results.provenance import utc_now as utc_now
from dfbench.results.result import SCHEMA as SCHEMA
from dfbench.results.result import Breakdown as Breakdown
from dfbench.results.result import MetricValue as MetricValue
from dfbench.results.result import Mistake as Mistake
from dfbench.results.result import RunResult as RunResult
from dfbench.results.result import load_result as load_result
from dfbench.results.result import training_facts as training_facts
from dfbench.results.result import write_result as write_result
from dfbench.results.spec import ENSEMBLE as ENSEMBLE
from dfbench.results.spec import IMPORTED as IMPORTED
from dfbench.results.spec import DataSpec as DataSpec
from dfbench.results.spec import ModelSpec as ModelSpec
from dfbench.results.spec import OnMissing as OnMissing
from dfbench.results.spec import RunSpec as RunSpec
from dfbench.results.spec import TrainSpec as TrainSpec
from dfbench.results.truth import truth_of_records as truth_of_records
from dfbench.results.truth import truth_of_rows as truth_of_rows
from dfbench.results.typed import check_types as check_types
