"""Every rule takes its secret out and nothing else; ordinary text of logs stays as it is."""

import re

import hypothesis
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from afterglow.ingest import arrow
from afterglow.ingest.redaction.text import changes, matches, redact_text, redact_texts
from afterglow.schemas.redaction import ANY_SIGN, RULES, Rule
from afterglow.schemas.spark import REDACTED

SECRET = "PLANTED123zQ7"

EXAMPLES = [(rule.name, example) for rule in RULES for example in rule.examples]


@pytest.mark.parametrize("name, example", EXAMPLES, ids=[f"{name}: {example[:30]}" for name, example in EXAMPLES])
def test_each_rule_takes_out_its_examples(name: str, example: str) -> None:
    given = example.format(SECRET)
    shown = redact_text(f"before {given} after")
    secret = SECRET if SECRET in given else given
    assert secret not in shown
    assert REDACTED in shown
    assert shown.startswith("before ")
    assert redact_text(shown) == shown  # Spark itself redacts, and so does a second pass


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_has_examples_that_it_matches_itself(rule: object) -> None:
    import pyarrow.compute as pc

    examples = arrow.to_array([e.format(SECRET) for e in rule.examples], "string")  # type: ignore[attr-defined]
    assert len(examples)
    assert pc.all(pc.match_substring_regex(examples, rule.pattern)).as_py()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "given, shown",
    [
        ("save at jdbc:mysql://u:s@h/db password=x y", f"save at jdbc:mysql://{REDACTED}@h/db password={REDACTED} y"),
        ("password='a b', user='u'", f"password='{REDACTED}', user='u'"),
        ("OPTIONS (password 'x', user 'u')", f"OPTIONS (password '{REDACTED}', user 'u')"),
        ('{"password":"a\\"b","user":"u"}', f'{{"password":"{REDACTED}","user":"u"}}'),
        ("https://h/x?sig=a%2Fb&se=2030", f"https://h/x?sig={REDACTED}&se=2030"),
        ("AccountName=a;AccountKey=q==;EndpointSuffix=x", f"AccountName=a;AccountKey={REDACTED};EndpointSuffix=x"),
        ("password='never closed", f"password='{REDACTED}"),
        ("password=" + REDACTED, "password=" + REDACTED),
        ("sent Bearer abc123def456 to h", f"sent Bearer {REDACTED} to h"),
    ],
)
def test_what_is_beside_a_secret_stays(given: str, shown: str) -> None:
    assert redact_text(given) == shown


@pytest.mark.parametrize(
    "given, shown",
    [
        ("password=ab,cd;ef", "password={}"),
        ("db.password = ab;cd\nuser = u", "db.password = {}\nuser = u"),
        ("password: ab,cd;ef", "password: {}"),
        ("DB_PASS=ab,cd;ef", "DB_PASS={}"),
        ("password=ab,cd,user=me", "password={},user=me"),
        ("password=a==,b==", "password={}"),
        ("connect with password=ab,cd;ef to h", "connect with password={} to h"),
        ("UPDATE t SET password=a,name=b WHERE id=1", "UPDATE t SET password={},name=b WHERE id=1"),
        ("SELECT password = a,b FROM t", "SELECT password = {},b FROM t"),
        ("no JSON event ('password=ab,cd;ef'); skipped", "no JSON event ('password={}'); skipped"),
        ('{"a":"with password=ab,cd;ef"}', '{"a":"with password={}"}'),
        ("run --password ab,cd;ef --x", "run --password {} --x"),
        ("run --password=ab,cd;ef --x", "run --password={} --x"),
        ("run --conf spark.db.password=ab;cd --x", "run --conf spark.db.password={} --x"),
        ("-Ddb.password=a&b,c -Da=b", "-Ddb.password={} -Da=b"),
        ("jdbc:sqlserver://h;password=ab,cd;encrypt=true", "jdbc:sqlserver://h;password={};encrypt=true"),
        ("jdbc:mysql://h/db?user=u&password=a,b;c&x=1", "jdbc:mysql://h/db?user=u&password={}&x=1"),
        ("spark.a=b,spark.db.password=x;y,spark.c=d", "spark.a=b,spark.db.password={},spark.c=d"),
        # lists whose separator ends the value
        ("jdbc:sqlserver://h;password=ab;encrypt=true;x", "jdbc:sqlserver://h;password={};encrypt=true;x"),
        ("https://h/x?token=a,https://h/y?token=b", "https://h/x?token={},https://h/y?token={}"),
        ("SELECT * FROM t WHERE a.token=b.token;\nSELECT 1", "SELECT * FROM t WHERE a.token={};\nSELECT 1"),
    ],
)
def test_separators_in_a_value_without_quotes_are_part_of_it(given: str, shown: str) -> None:
    assert redact_text(given) == shown.replace("{}", REDACTED)


@pytest.mark.parametrize(
    "text",
    [
        "count at TokenCount.scala:12",
        "fit at Tokenizer.scala:34",
        "token_count = 5 AND num_tokens > 3",
        "Filter (isnotnull(token_count#12) AND (token_count#12 > 5))",
        "Project [secret#1, password#2, access_key#3]",
        "hdfs://nn:8020/user/secrets/part-00000",
        "abfss://container@account.dfs.core.windows.net/a/b",
        "wasbs://c@acct.blob.core.windows.net/x",
        "spark://CoarseGrainedScheduler@10.0.0.1:4040",
        "s3a://bucket/tokens/year=2024/part-0.parquet",
        "http://host:8080/x?mail=a@b.example",
        "PWD=/home/user OLDPWD=/tmp",
        "/etc/passwd:/etc/passwd:ro,/etc/group:/etc/group:ro",
        "Unexpected token: ')' at line 3",
        "Unrecognized token 'abc': was expecting (JSON String, Number or Object)",
        "bearer token authentication is needed",
        "Basic statistics of the columns",
        "collect at /home/me/password.py:12",
        "key = 5 and foreign_key = 'a'",
        "primaryKey: 17",
        "HashPartitioning(api_call#3, 200)",
        "org.apache.spark.sql.catalyst.parser.ParseException: mismatched input 'x' expecting 'y'",
        "user identified by his name",
        "LogisticRegression.tokensCol=words",
        "CrossValidator_4506ccbc4279_rand",
        "CREATE TABLE t (password STRING, token STRING)",
        "SELECT password, token FROM users WHERE id = 3",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "signature of the method differs",
        "KMeans pass=2 of 10, bypass=none, compass=north",
        "the password for the user is missing",
        "password is wrong; password | token",
        "mysql --host h -P 3306 db",
        "echo done | tee log",
        "aes_encrypt(input#1, key#2, GCM)",
        "accept the cookie = yes",
        "pattern-key-value and secret_santa_list",
        "design=big assign=3 msig=4",
        "the password: a,b c",
        "compass=a,b bypass=c;d",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact_text(text) == text
    assert not len(changes(arrow.to_array([text], "string"))[0])


def test_missing_texts_stay_missing() -> None:
    assert redact_texts([None, "a", None]) == [None, "a", None]
    assert redact_texts([None, "password=a"]) == [None, f"password={REDACTED}"]
    assert redact_texts([]) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_matches_only_where_its_sign_does(rule: Rule) -> None:
    pattern = re.compile(rule.pattern.replace(r"\z", r"\Z"), re.ASCII)

    @settings(max_examples=12, deadline=None)
    @hypothesis.given(st.from_regex(pattern))
    def check(text: str) -> None:
        (found,) = matches(arrow.to_array([text], "string"), rule.pattern).to_pylist()
        (signed,) = matches(arrow.to_array([text], "string"), rule.sign).to_pylist()
        (any_sign,) = matches(arrow.to_array([text], "string"), ANY_SIGN).to_pylist()
        assert signed or not found
        assert any_sign or not signed

    check()


@pytest.mark.parametrize(
    "secret",
    [
        *(
            "AKIA" + "Q" * 16,
            "ghp_" + "q" * 36,
            "github_pat_" + "q" * 30,
            "glpat-" + "q" * 20,
            "xoxb-12345678901-qqqqqqqq",
        ),
        *("dapi" + "0a" * 16, "eyJqqqqqqqqqqq.eyJqqqqqqqqqq.qqqqqqqq", "AIza" + "q" * 35, "qqq1Q~" + "q" * 34),
        *("q" * 86 + "==", "hf_" + "q" * 34, "sk-" + "q" * 48, "sk_live_" + "q" * 24, "npm_" + "q" * 36),
        *("SG." + "q" * 22 + "." + "q" * 43, "hvs." + "q" * 24, "dckr_pat_" + "q" * 27),
    ],
)
def test_tokens_are_known_by_their_form(secret: str) -> None:
    """The tokens are not those of the rules: a rule that is lost takes its examples with it."""
    assert secret not in redact_text(f"count of {secret} rows")
