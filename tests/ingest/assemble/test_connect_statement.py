"""Requests of Spark Connect operations, as protobuf text that may be cut or damaged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.ingest.assemble.connect_statement import parse_text, read_statement, unquote

FIT = """ml_command {
  fit {
    estimator {
      name: "org.apache.spark.ml.classification.LinearSVC"
      uid: "LinearSVC_00112233aabb"
      type: OPERATOR_TYPE_ESTIMATOR
    }
    params {
      params {
        key: "maxIter"
        value {
          integer: 7
        }
      }
      params {
        key: "regParam"
        value {
          double: 0.25
        }
      }
      params {
        key: "fitIntercept"
        value {
          boolean: false
        }
      }
      params {
        key: "thresholds"
        value {
          array {
          }
        }
      }
    }
    dataset {
      common {
        plan_id: 12
      }
      ml_relation {
        transform {
          obj_ref {
            id: "6f1c"
          }
          input {
            common {
              plan_id: 9
            }
            ml_relation {
              transform {
                obj_ref {
                }
              }
            }
          }
        }
      }
    }
  }
}
"""
EVALUATE = """ml_command {
  evaluate {
    evaluator {
      name: "org.apache.spark.ml.evaluation.RegressionEvaluator"
      uid: "RegressionEvaluator_5566"
    }
    params {
      params {
        key: "metricName"
        value {
          string: "mae"
        }
      }
    }
    dataset {
      common {
        plan_id: 31
      }
      ml_relation {
        transform {
          obj_ref {
            id: "model-1"
          }
          params {
            params {
              key: "regParam"
              value {
                double: 0.25
              }
            }
          }
        }
      }
    }
  }
}
"""


def test_a_fit_names_its_estimator_params_data_and_model() -> None:
    fit = read_statement(FIT)
    assert (fit.kind, fit.operator_class, fit.uid) == ("fit", "LinearSVC", "LinearSVC_00112233aabb")
    assert dict(fit.params) == {"maxIter": 7, "regParam": 0.25, "fitIntercept": False, "thresholds": None}
    assert fit.models == ("6f1c",) and fit.plan_ids == (12, 9) and fit.reads_model


def test_an_evaluation_names_its_model_and_the_params_of_it() -> None:
    evaluation = read_statement(EVALUATE)
    assert (evaluation.kind, evaluation.operator_class) == ("evaluate", "RegressionEvaluator")
    assert evaluation.models == ("model-1",)
    assert evaluation.params == (("metricName", "mae"),) and evaluation.model_params == (("regParam", 0.25),)


def test_a_line_that_redaction_replaced_costs_only_that_line() -> None:
    lines = FIT.split("\n")
    lines[4] = "      *********(redacted)"
    lines[6] = "*********(redacted)"
    fit = read_statement("\n".join(lines))
    assert fit.kind == "fit" and fit.uid is None and dict(fit.params)["regParam"] == 0.25


@pytest.mark.parametrize(
    ("text", "kind"), [("ml_command {\n  delete {\n  }\n}", "delete"), ("sql {\n}", "query"), ("", "query")]
)
def test_other_requests(text: str, kind: str) -> None:
    assert read_statement(text).kind == kind


def test_strings_are_unquoted_with_their_escapes() -> None:
    assert unquote(r'"a\"b\303\274\n"') == 'a"bü\n'
    assert unquote("12") == "12"


@given(st.text(alphabet='ml_comandfitprs{}: \n"1.\\', max_size=300), st.integers(0, len(FIT)))
def test_any_text_is_read_without_an_error(noise: str, cut: int) -> None:
    read_statement(FIT[:cut] + noise + FIT[cut:])
    parse_text(noise)
