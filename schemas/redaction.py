"""The rules of redaction, each declared once with examples of what it replaces.

Patterns are in RE2's syntax, which matches in time linear in the text: no look-around, no back-references. A rule
replaces its match by the groups that stay readable and spark.REDACTED.
"""

from dataclasses import dataclass

from .spark import REDACTION_PATTERN

# Names that Spark's own pattern leaves readable.
_MORE_KEYS = (
    r"pass[._-]?(?:code|phrase)|pwd|account[._-]?key|private[._-]?key|access[._-]key|authorization|signature|"
    r"[._-]sas[._-]"
)
SECRET_KEY = f"{REDACTION_PATTERN}|{_MORE_KEYS}"
"""A property of which any part of the key matches this is a secret, as `spark.redaction.regex` has it."""

# In free text a name is a secret's only where it ends so: `token_count = 5` and `Tokenizer.inputCol` are none.
_STRONG = (
    r"(?:pass(?:word|wd|code|[._-]?phrase)|pwd|secret|credentials?|"
    r"(?:api|access|account|private|shared|signing|encryption|storage|master|subscription)[._-]?(?:access[._-]?)?key)"
)
_PART = r"(?:[._-]?(?:key|id|value|text|string|hash|data|plain|base64|\d+))*"
_STRONG_NAME = _STRONG + _PART
_TOKEN = r"(?:token|jwt|authorization)"
_NAME = rf"(?:{_STRONG_NAME}(?:\.[\w.\-]+)?|{_TOKEN}\d*)"
_SIGNATURE = r"(?:^|[^A-Za-z0-9])(?:sig|sas|[\w\-]*signature|x-amz-credential|x-goog-credential)"

SECRET_NAME = rf"(?i)(?:{_STRONG_NAME}|{_TOKEN}|(?:^|[^A-Za-z0-9])(?:sig|sas|signature))$"
"""A param or tag whose name ends so is a secret."""

_BLANK = r"\s*"
_QUOTE = "(?:\\\\*[\"'`])?"
# Each opening quote is a group of its own and stays. A quote that is not closed, as in a text that was cut, counts too.
_QUOTED = (
    r'(?:(\\+")(?:[^"\\]|\\+[^"\\])*'
    r'|(")(?:[^"\\]|\\[\s\S])*'
    r"|(\\+')(?:[^'\\]|\\+[^'\\])*"
    r"|(')(?:[^'\\]|\\[\s\S]|'')*)"
)
_BARE = r"(?:[^\s,;&\"'\\]|\\[^\"'])+"
_QUOTES = r"\2\3\4\5"


@dataclass(frozen=True, slots=True)
class Rule:
    """One form of secret. `keep` names the groups of `pattern` that stay before spark.REDACTED, `after` those behind.

    `{}` in an example is the secret; an example without it is one as a whole.
    """

    name: str
    pattern: str
    examples: tuple[str, ...]
    keep: str = ""
    after: str = ""


RULES = (
    Rule(
        "private key",
        r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)[\s\S]*?(-----END [A-Z0-9 ]*-----|\z)",
        ("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\\n{}\\n"),
        r"\1",
        r"\2",
    ),
    Rule(
        "user and password in a URL",
        r"(://)[^/\s:@\"'<>?#]*:[^/\s\"'<>?#]*(@)",
        ("jdbc:postgresql://ml:{}@db/x", "redis://:{}@h:6379/0", "s3a://AK:{}@bucket/path", "https://u:a@{}@h/x"),
        r"\1",
        r"\2",
    ),
    Rule(
        "secret key with slashes in an S3 URL",
        r"(?i)(\bs3[an]?://)[^/\s:@\"'<>]*:[^\s@\"'<>?#]*(@)",
        ("s3n://AK:ab/{}@bucket",),
        r"\1",
        r"\2",
    ),
    Rule(
        # Elsewhere it is not a secret: abfss://container@account, spark://CoarseGrainedScheduler@host
        "token as the user of a URL",
        r"(?i)(\b(?:https?|wss?|ftps?|git(?:\+https?)?|rediss?|amqps?|nats|s3[an]?)://)[^/\s:@\"'<>?#]+(@)",
        ("https://{}@example.org/x", "git+https://{}@github.com/a/b"),
        r"\1",
        r"\2",
    ),
    Rule(
        "Oracle's user/password",
        r"(?i)(jdbc:oracle:\w+:[^/\s@\"']*/)[^\s@\"']+(@)",
        ("jdbc:oracle:thin:scott/{}@//db:1521/x",),
        r"\1",
        r"\2",
    ),
    Rule(
        "Authorization header",
        rf"(?i)(\bauthorization{_QUOTE}{_BLANK}[:=,]{_BLANK}\\*[\"']?(?:(?:bearer|basic|token|digest|negotiate|apikey){_BLANK})?)"
        r"[^\s,;\"'\\]+",
        ("Authorization: Bearer {}", "Authorization: {}", "curl -H 'Authorization: Basic {}' https://h"),
        r"\1",
    ),
    Rule(
        # Prose has `bearer token` and `basic statistics`; what is a secret has a digit, or is long.
        "bearer token",
        r"(?i)(\bbearer\s+)(?:[a-z\-._~+/]*\d[\w\-.~+/]*=*|[a-z\-._~+/]{20,}=*)",
        ("Bearer {}", "sent bearer {} to the server"),
        r"\1",
    ),
    Rule("basic credentials", r"(\b[Bb]asic\s+)[A-Za-z0-9+/]{8,}=+", ("Basic dXNl{}==",), r"\1"),
    Rule(
        "name = value",
        rf"(?i)({_NAME}{_QUOTE}{_BLANK}(?:=>|->|:=|==?|%3d){_BLANK})(?:{_QUOTED}|[^/\s,;&\"'\\]{_BARE}|[^/\s,;&\"'\\])",
        (
            "password={}",
            "Pwd={};",
            "AccountKey={}==;",
            "password = '{}'",
            'password="{}"',
            "Map(user -> u, password -> {})",
            "spark.hadoop.fs.azure.account.key.acct.dfs.core.windows.net={}",
            "-Ddb.password={} -Da=b",
            "AWS_SECRET_ACCESS_KEY={}",
            "https://h/x?access_token={}&b=1",
            "jdbc:mysql://h/db?user=u&password={}",
            "client_secret={}",
            "password%3D{}",
            "passphrase={}",
            "private_key_id={}",
            "WITH PASSWORD = '{}'",
            "password='it''s {}'",
            "password='{} with blanks'",
        ),
        r"\1" + _QUOTES,
    ),
    Rule(
        # A secret may begin with a slash, but PWD=/home/user is a folder.
        "name = /value",
        rf"(?i)((?:password|passwd|secret|token|[._-]?key){_PART}{_QUOTE}{_BLANK}={_BLANK})/{_BARE}",
        ("AccountKey=/{}==", "secret_key=/{}"),
        r"\1",
    ),
    Rule(
        # /etc/passwd:/etc/passwd:ro is the mount of a file
        "name: value",
        rf"(?i)((?:(?:^|[^/]){_STRONG_NAME}{_QUOTE}|/{_STRONG_NAME}\\*[\"'`]){_BLANK}:{_BLANK})"
        rf"(?:{_QUOTED}|[^/\s,;&\"'\\{{\[]{_BARE})",
        (
            '{{"password":"{}"}}',
            '{{"password": "{}"}}',
            "{{'password': '{}'}}",
            '"{{\\"password\\":\\"{}\\"}}"',
            "password: {}",
            '{{"aws_secret_access_key" : "{}"}}',
        ),
        r"\1" + _QUOTES,
    ),
    Rule(
        # `Unexpected token: ')'` is an error of a parser
        "token: value",
        rf"(?i)({_TOKEN}\\*[\"'`]{_BLANK}:{_BLANK}){_QUOTED}",
        ('{{"token":"{}"}}', '{{"access_token": "{}"}}', '{{\\"auth_token\\":\\"{}\\"}}'),
        r"\1" + _QUOTES,
    ),
    Rule(
        "token: long value",
        rf"(?i)(token{_BLANK}:{_BLANK})([\w\-.]*\d[\w\-.]{{6,}}=*)",
        ("token: ab{}12345678",),
        r"\1",
    ),
    Rule(
        "signature in a query",
        rf"(?i)({_SIGNATURE}{_BLANK}(?:=|%3d))[^\s,;&\"']+",
        ("https://h/x?sv=2020&sig={}", "https://b.s3.amazonaws.com/k?X-Amz-Signature={}&x=1", "sig={}"),
        r"\1",
    ),
    Rule(
        "option of a command line",
        rf"(?i)(--?[\w.\-]*(?:{_STRONG}|{_TOKEN}|\bpass)\s+)(?:{_QUOTED}|[^\s\-\"']\S*)",
        ("run --password {} --x", "run --db-password '{}'", "run --api-key {}", "run --token {}", "mysql --pass {}"),
        r"\1" + _QUOTES,
    ),
    Rule(
        "option in a list of arguments",
        rf"(?i)([\"']--?[\w.\-]*(?:{_STRONG}|{_TOKEN}|\bpass)\\?[\"']{_BLANK},{_BLANK}){_QUOTED}",
        ("['run', '--password', '{}']", '["--token", "{}"]'),
        r"\1" + _QUOTES,
    ),
    Rule(
        "user of a command line",
        r"(?i)((?:\s-u|--user)[\s=]+[\"']?[^\s:\"'/]+:)[^\s\"']+",
        ("curl -u me:{} https://h", "curl --user 'me:{}'"),
        r"\1",
    ),
    Rule(
        "SQL option",
        rf"(?i)((?:{_STRONG_NAME}|[\"'`(,]{_BLANK}[\w.]*token|(?:access|auth|api|session|security|refresh|sf)[._-]?token)"
        rf"{_QUOTE}\s+){_QUOTED}",
        (
            "OPTIONS (url 'jdbc:mysql://db/x', user 'u', password '{}')",
            'OPTIONS ("password" "{}")',
            "OPTIONS (`password` '{}')",
            "OPTIONS (token '{}')",
            "ALTER USER u PASSWORD '{}'",
            "OPTIONS (password 'it''s {}')",
        ),
        r"\1" + _QUOTES,
    ),
    Rule(
        "IDENTIFIED BY '...'",
        rf"(?i)(\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+|values\s+)?){_QUOTED}",
        ("CREATE USER x IDENTIFIED BY '{}'", 'ALTER USER x IDENTIFIED BY "{}"', "IDENTIFIED WITH sha2 BY '{}'"),
        r"\1" + _QUOTES,
    ),
    Rule(
        "IDENTIFIED BY ...",
        r"(?i)(\b(?:user|role)\s+\S+\s+identified\s+by\s+)[^\s;\"']+",
        ("CREATE USER x IDENTIFIED BY {};",),
        r"\1",
    ),
    Rule(
        "argument of a call",
        rf"(?i)(\b(?:option|set|put|conf|config|property|header|add|environ|getenv)\w*\(\s*[\"'][\w.\-]*"
        rf"(?:{_NAME})[\"']{_BLANK},{_BLANK}){_QUOTED}",
        ('.option("password", "{}")', "spark.conf.set('fs.azure.account.key.a.dfs.core.windows.net', '{}')"),
        r"\1" + _QUOTES,
    ),
    Rule(
        "pair of key and value",
        rf"(?i)(\([\w.\-]*(?:{_STRONG_NAME}|token),)(?:\*+\(redacted\)|[^()\s]+)",
        ("Array((spark.db.password,{}), (a,b))",),
        r"\1",
    ),
    Rule(
        "XML element",
        rf"(?i)(<[\w.:\-]*(?:{_STRONG_NAME}|token)>)[^<]+",
        ("<password>{}</password>",),
        r"\1",
    ),
    Rule(
        "XML property",
        rf"(?i)({_NAME}</name>\s*<value>)[^<]+",
        ("<name>fs.s3a.secret.key</name><value>{}</value>",),
        r"\1",
    ),
    Rule(
        "JSON property",
        rf"(?i)(\"(?:name|key)\"{_BLANK}:{_BLANK}\"[\w.\-]*(?:{_NAME})\"{_BLANK},{_BLANK}\"value\"{_BLANK}:{_BLANK}){_QUOTED}",
        ('{{"name":"DB_PASSWORD","value":"{}"}}',),
        r"\1" + _QUOTES,
    ),
    # What is known by its own form, in whatever place. The examples are made up.
    Rule("AWS access key id", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", ("AKIAQQQQQQQQQQQQQQQQ",)),
    Rule("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})", ("ghp_" + "q" * 36,)),
    Rule("GitLab token", r"\bgl(?:pat|dt|rt|cbt|ptt)-[\w\-]{20,}", ("glpat-" + "q" * 20,)),
    Rule("Slack token", r"\b(?:xox[abeoprs]|xapp)-[\w\-]{10,}", ("xoxb-1234567890-" + "q" * 12,)),
    Rule(
        "Slack hook",
        r"(hooks\.slack\.com/(?:services|workflows)/)[\w/\-]+",
        ("https://hooks.slack.com/services/T0/B0/{}",),
        r"\1",
    ),
    Rule("Databricks token", r"\b(?:dapi|dose|dkea|dsapi)[a-f0-9]{32}(?:-\d)?", ("dapi" + "0" * 32,)),
    Rule("JSON web token", r"\beyJ[\w\-]{8,}\.[\w\-]{8,}(?:\.[\w\-]*)?", ("eyJqqqqqqqqqqq.eyJqqqqqqqqqq.qqqqqqqq",)),
    Rule("Google key", r"\b(?:AIza[\w\-]{35}|ya29\.[\w\-]{20,}|GOCSPX-[\w\-]{20,})", ("AIza" + "q" * 35,)),
    Rule("Azure client secret", r"\b\w{3}\dQ~[\w.~\-]{31,34}", ("qqq1Q~" + "q" * 34,)),
    Rule("Azure storage key", r"\b[A-Za-z0-9+/]{86}==", ("q" * 86 + "==",)),
    Rule("Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}", ("hf_" + "q" * 34,)),
    Rule("OpenAI or Anthropic key", r"\bsk-(?:ant-|proj-)?[\w\-]{32,}", ("sk-" + "q" * 48,)),
    Rule("Stripe key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}", ("sk_live_" + "q" * 24,)),
    Rule("npm or PyPI token", r"\b(?:npm_[A-Za-z0-9]{36}|pypi-AgE[\w\-]{20,})", ("npm_" + "q" * 36,)),
    Rule("SendGrid key", r"\bSG\.[\w\-]{16,32}\.[\w\-]{16,64}", ("SG." + "q" * 22 + "." + "q" * 43,)),
    Rule("Vault token", r"\bhv[bs]\.[\w\-]{24,}", ("hvs." + "q" * 24,)),
    Rule(
        "Docker or DigitalOcean token", r"\b(?:dckr_pat_[\w\-]{20,}|do[opr]_v1_[a-f0-9]{64})", ("dckr_pat_" + "q" * 27,)
    ),
)
