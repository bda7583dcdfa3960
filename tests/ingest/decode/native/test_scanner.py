"""The native scanner reads what Python reads: with little room for text, in portable C, with MSVC's intrinsics."""

import importlib.util
import subprocess
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

from afterglow.ingest import decode, extract
from afterglow.ingest.decode.native import scanner as native
from tests.property.event_strategies import small_lines
from tests.property.test_native import LINES

SOURCES = Path(__file__).parents[4] / "ingest" / "decode" / "native"
TASKS = [line for line in (*LINES, *small_lines()) if b'"SparkListenerTask' in line[:60]]
pytestmark = pytest.mark.native


def rows(scanner: native.Scanner | None) -> dict[str, list[dict[str, object]]]:
    decoded, data = decode.Decoded(scanner=scanner), b"\n".join(TASKS) + b"\n"
    decode.decode_lines(decode.Lines(data, 0, 1), decoded, lambda issue: None)
    tables = extract.extract(decoded.close(), decode.PATHS, 0, lambda issue: None)
    return {name: table.to_pylist() for name, table in tables.items()}


@pytest.mark.parametrize("cap", [0, 40, 1000, native.TEXT_CAP])
def test_no_text_column_gets_more_than_its_cap(cap: int) -> None:
    scanner = native.Scanner(text_cap=cap)
    scanner.scan(decode.Lines(b"\n".join(TASKS) + b"\n", 0, 1))
    taken = scanner.take()
    texts = [len(column.text) for columns in taken.values() for column in columns.columns]
    assert max(texts, default=0) <= cap and bool(taken) == (cap > 0)
    assert rows(native.Scanner(text_cap=cap)) == rows(None)


def test_a_cap_beyond_32_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bits"):
        native.Scanner(text_cap=2**31)


@pytest.mark.compiler
def test_portable_c_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    portable = compiled(tmp_path / "_scan.so", "-DAFTERGLOW_PORTABLE")
    plans = [line for line in LINES if b"SQLExecutionStart" in line[:120]]
    expected = rows(native.Scanner()), [native.thin_plan(plan) for plan in plans]
    monkeypatch.setattr(native, "_scan", portable)
    assert (rows(native.Scanner()), [native.thin_plan(plan) for plan in plans]) == expected
    assert any(expected[1])


def compiled(path: Path, *flags: str) -> ModuleType:
    include = f"-I{sysconfig.get_path('include')}"
    sources = [str(source) for source in sorted(SOURCES.glob("*.c"))]
    subprocess.run(["cc", "-O1", *flags, "-shared", "-fPIC", include, *sources, "-o", str(path)], check=True)
    spec = importlib.util.spec_from_file_location("_scan", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.compiler
@pytest.mark.parametrize(
    "compiler, shown",
    [
        ("#define _MSC_VER 1940\n#define _M_ARM64 1", "intrinsic"),
        ("#define _MSC_VER 1940\n#define _M_IX86 1", "portable C"),
        ("", "portable C"),
    ],
)
def test_other_compilers_get_their_intrinsic_or_portable_c(compiler: str, shown: str, tmp_path: Path) -> None:
    """The headers as MSVC and an unknown compiler see them. <intrin.h> is replaced by a function of its name."""
    (tmp_path / "intrin.h").write_text(
        "static inline unsigned char _BitScanForward64(unsigned long *index, uint64_t bits)"
        "{ unsigned long n = 0; while (!(bits >> n & 1)) n++; *index = n; return 1; }\n#define FROM_INTRIN 1\n"
    )
    (tmp_path / "try.c").write_text(
        f"""#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#undef __GNUC__
#undef __clang__
#undef __SSE2__
{compiler}
#include "json.h"
int main(void) {{
  const char text[] = "12345678901234567890123456789012345678901234567890\\" rest";
  printf("%d %d", (int)(skip_string(text, text + sizeof text, 1) - text), trailing_zeros(1ull << 40));
#ifdef FROM_INTRIN
  printf(" intrinsic");
#endif
  return 0;
}}
"""
    )
    command = ["cc", f"-I{tmp_path}", f"-I{SOURCES}", str(tmp_path / "try.c"), "-o", str(tmp_path / "try")]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    said = subprocess.run([str(tmp_path / "try")], capture_output=True, text=True, check=True).stdout
    assert said.startswith("51 40") and shown in said + built.stderr


def test_a_thinned_plan_keeps_the_nodes_that_run_python() -> None:
    plan = (
        b'{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart","executionId":3,"sparkPlanInfo":'
        b'{"nodeName":"Project","simpleString":"p","children":[{"nodeName":"FlatMapGroupsInPandas","simpleString":'
        b'"train(x)","children":[],"metadata":{},"metrics":[]}],"metadata":{},"metrics":[]},"time":5}'
    )
    thin, plan_at = native.thin_plan(b"\n" + plan, 1) or (b"", 0)
    assert (b"\n" + plan)[plan_at:].startswith(b'"sparkPlanInfo":{"nodeName":"Project"')
    assert b'"FlatMapGroupsInPandas","simpleString":"train(x)"' in thin and b"Project" not in thin
