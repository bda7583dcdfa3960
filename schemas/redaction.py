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
    r"(?:pass(?:word|wd|wort|code|[._-]?phrase)|pwd|secret|credentials?|kennwort|contrase(?:n|ñ)a|mot[._-]de[._-]passe|"
    r"(?:api|access|account|private|shared|signing|encryption|storage|master|subscription|ssh|license|auth)"
    r"[._-]?(?:access[._-]?)?key)"
)
_PART = r"(?:[._-]?(?:key|id|value|text|string|hash|data|plain|base|base64|\d))*"
_STRONG_NAME = _STRONG + _PART
_TOKEN = r"(?:token|jwt|authorization)"
_NAME = rf"(?:{_STRONG_NAME}(?:\.[\w.\-]+)?|{_TOKEN}\d*)"
_SIGNATURE = r"(?:^|[^A-Za-z0-9])(?:sig|sas|[\w\-]*signature|x-amz-credential|x-goog-credential)"

SECRET_NAME = rf"(?i)(?:{_STRONG_NAME}|{_TOKEN}|(?:^|[^A-Za-z0-9])(?:sig|sas|signature))$"
"""A param or tag whose name ends so is a secret."""

# A cheap pattern that matches wherever a rule of secrets with a name does.
_NAMED = rf"(?i){_STRONG}|{_TOKEN}"
_NAMED_OPTION = rf"(?i)-[\w.\-]*(?:{_STRONG}|{_TOKEN}|pass)"
_PASSWORD = r"(?i)passw|pwd|passphrase"
_WORD = r"(?i)pass|secret|token|key"

_URL = r"://\S*@"
_COMMAND = r"(?i)\s-p|echo\s|cookie|password\(|aes_|value\s*=|[._-]sas[._-]"
_SERVICE = (
    r"F[wQ]oG|IQoJ|AQoD|shp(?:at|ca|pa|ss)_|lin_api_|gl(?:sa|c)_|sntry[su]_|ATATT3|PMAK-|NRAK-|gsk_|r8_|pplx-|secret_|ntn_|"
    r"tfp_|key-|pat\w{14}\.|dt0[a-z]|ops_eyJ|amzn\.mws|sq0|AGE-SECRET|pul-"
)
_BLANK = r"\s*"
_QUOTE = "(?:\\\\*[\"'`])?"
# Each opening quote is a group of its own and stays. A quote that is not closed, as in a text that was cut, counts too.
# Before it there may be a letter: N'...' in SQL, b'...' in Python, $'...' in a shell.
_QUOTED = (
    r'[NEBRUnebru$]?(?:(\\+")(?:[^"\\]|\\+[^"\\])*'
    r'|(")(?:[^"\\]|\\[\s\S])*'
    r"|(\\+')(?:[^'\\]|\\+[^'\\])*"
    r"|(')(?:[^'\\]|\\[\s\S]|'')*)"
)
_BARE = r"(?:[^\s,;&\"'\\]|\\[^\"'])+"
_QUOTES = r"\2\3\4\5"
_ANY_NAME = rf"[\w.\-]*(?:{_NAME}|[._\-]pass)"
_ASSIGNED = rf"{_ANY_NAME}[ \t]*=[ \t]*"
_SEPARATED = rf"(?i)(?:{_STRONG}|{_TOKEN}|[._\-]pass)[^\s\"']*[ \t]*[=:][ \t]*[^\s\"']+[,;&][^\s\"']"


def _with_separators(name: str, separators: str, behind: str = r"\z|[\s,;&\"'\\]") -> str:
    """The pattern of a value that holds `separators`; it ends before `behind`, or before a separator, a name and `=`.

    `name` is the pattern of all that is before the value.
    """
    return rf"(?im)({name})[^/\s,;&\"'\\{{\[][^\s,;&\"'\\]*(?:[{separators}]+[^\s,;&\"'\\=]+=*)+({behind})"


@dataclass(frozen=True, slots=True)
class Rule:
    """One form of secret. `keep` names the groups of `pattern` that stay before spark.REDACTED, `after` those behind.

    `sign` is a shorter pattern that matches wherever `pattern` does. Only where it matches is `pattern` compiled.
    `{}` in an example is the secret; an example without it is one as a whole.
    """

    name: str
    sign: str
    pattern: str
    examples: tuple[str, ...]
    keep: str = ""
    after: str = ""


RULES = (
    Rule(
        "private key",
        r"PRIVATE KEY",
        r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)[\s\S]*?(-----END [A-Z0-9 ]*-----|\z)",
        ("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\\n{}\\n"),
        r"\1",
        r"\2",
    ),
    Rule(
        "user and password in a URL",
        _URL,
        r"(://)[^/\s:@\"'<>?#]*:[^/\s\"'<>?#]*(@)",
        ("jdbc:postgresql://ml:{}@db/x", "redis://:{}@h:6379/0", "s3a://AK:{}@bucket/path", "https://u:a@{}@h/x"),
        r"\1",
        r"\2",
    ),
    Rule(
        "secret key with slashes in an S3 URL",
        _URL,
        r"(?i)(\bs3[an]?://)[^/\s:@\"'<>]*:[^\s@\"'<>?#]*(@)",
        ("s3n://AK:ab/{}@bucket",),
        r"\1",
        r"\2",
    ),
    Rule(
        # Elsewhere it is not a secret: abfss://container@account, spark://CoarseGrainedScheduler@host
        "token as the user of a URL",
        _URL,
        r"(?i)(\b(?:https?|wss?|ftps?|git(?:\+https?)?|rediss?|amqps?|nats|s3[an]?)://)[^/\s:@\"'<>?#]+(@)",
        ("https://{}@example.org/x", "git+https://{}@github.com/a/b"),
        r"\1",
        r"\2",
    ),
    Rule(
        "Oracle's user/password",
        r"(?i)jdbc:oracle:",
        r"(?i)(jdbc:oracle:\w+:[^/\s@\"']*/)[^\s@\"']+(@)",
        ("jdbc:oracle:thin:scott/{}@//db:1521/x",),
        r"\1",
        r"\2",
    ),
    Rule(
        "Authorization header",
        _NAMED,
        rf"(?i)(\bauthorization{_QUOTE}{_BLANK}[:=,]{_BLANK}\\*[\"']?(?:(?:bearer|basic|token|digest|negotiate|apikey){_BLANK})?)"
        r"[^\s,;\"'\\]+",
        ("Authorization: Bearer {}", "Authorization: {}", "curl -H 'Authorization: Basic {}' https://h"),
        r"\1",
    ),
    Rule(
        # Prose has `bearer token` and `basic statistics`; what is a secret has a digit, or is long.
        "bearer token",
        r"(?i)bearer",
        r"(?i)(\bbearer\s+)(?:[a-z\-._~+/]*\d[\w\-.~+/]*=*|[a-z\-._~+/]{20,}=*)",
        ("Bearer {}", "sent bearer {} to the server"),
        r"\1",
    ),
    Rule("basic credentials", r"[Bb]asic", r"(\b[Bb]asic\s+)[A-Za-z0-9+/]{8,}=+", ("Basic dXNl{}==",), r"\1"),
    # The separator before a name is the one that ends its value. Others are part of the value.
    Rule(
        "value between semicolons",
        _SEPARATED,
        _with_separators(rf";\s*{_ASSIGNED}", ",&"),
        ("jdbc:sqlserver://h;user=u;password=ab,{};encrypt=true", "Server=h; Pwd=ab&{},c; x=y"),
        r"\1",
        r"\2",
    ),
    Rule(
        "value in a query",
        _SEPARATED,
        _with_separators(rf"[?&]{_ASSIGNED}", ",;"),
        ("jdbc:mysql://h/db?user=u&password=ab,{};c&x=1",),
        r"\1",
        r"\2",
    ),
    Rule(
        "value between commas",
        _SEPARATED,
        _with_separators(rf"[,(\[{{]\s*{_ASSIGNED}", ";&"),
        ("Map(user=u, password=ab;{}, x=y)", "user=u,password=ab&{},x=y"),
        r"\1",
        r"\2",
    ),
    Rule(
        "value of an option",
        _SEPARATED,
        _with_separators(rf"(?:^|[\s\"'])--?(?:[\w\-]+(?:\s+|=))?{_ASSIGNED}", ",;&"),
        ("run --password=ab,{};ef --x", "run --conf spark.db.password=ab;{} --x", "run -Ddb.password=ab&{},a -Da=b"),
        r"\1",
        r"\2",
    ),
    Rule(
        "value up to a blank",
        _SEPARATED,
        _with_separators(rf"(?:^|[\s\"'`]){_ANY_NAME}=", ",;&"),
        ("with password=ab,{};ef", "with password=ab,{},user=me", "'pwd=ab,{}'"),
        r"\1",
        r"\2",
    ),
    Rule(
        # Elsewhere, as in `password = a,b FROM` of SQL, the text behind a separator is mostly not of the value.
        "value at the end of a line or of quotes",
        _SEPARATED,
        _with_separators(
            rf"(?:^|[\s\"'`])(?:{_ANY_NAME}[ \t]*=|[\w.\-]*{_STRONG_NAME}[ \t]*:)[ \t]*",
            ",;&",
            r"[,;&]*[ \t\r]*(?:$|[\"'`\\])",
        ),
        ("'db.password = ab;{}'", "'password: ab,{};'"),
        r"\1",
        r"\2",
    ),
    Rule(
        "name = value",
        _NAMED,
        rf"(?i)({_NAME}{_QUOTE}{_BLANK}(?:=>|->|:=|==?|%3d|\\+u003d){_BLANK})(?:{_QUOTED}|[^/\s,;&\"'\\]{_BARE}|[^/\s,;&\"'\\])",
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
            "PASSWORD = N'{}'",
            "password\\u003d{}",
        ),
        r"\1" + _QUOTES,
    ),
    Rule(
        # `pass=2` is a number of passes
        "pass = value",
        r"(?i)(?:pass|pw)[\\\"'`\s]*=",
        rf"(?i)((?:^|[^a-z])(?:pass|pw){_QUOTE}{_BLANK}=>?{_BLANK})(?:{_QUOTED}|[^/\s,;&\"'\\][^\s,;&\"'\\]{{3,}})",
        ("DB_PASS={}", "--pass={}", "pw='{}'"),
        r"\1" + _QUOTES,
    ),
    Rule(
        # Prose has `password for the user`; a secret has letters and digits.
        "password value",
        _PASSWORD,
        r"(?i)(\b(?:password|passwd|pwd|passphrase)(?:\s+is)?(?:\s+|\s*\|\s*))"
        r"[^\s,;()\"'=:#]*(?:[a-z][^\s,;()\"'=:#]*\d|\d[^\s,;()\"'=:#]*[a-z])[^\s,;()\"'=]*",
        ("the password is {}", "passwd {}"),
        r"\1",
    ),
    Rule(
        # A secret may begin with a slash, but PWD=/home/user is a folder.
        "name = /value",
        _WORD,
        rf"(?i)((?:password|passwd|secret|token|[._-]?key){_PART}{_QUOTE}{_BLANK}={_BLANK})/{_BARE}",
        ("AccountKey=/{}==", "secret_key=/{}"),
        r"\1",
    ),
    Rule(
        # /etc/passwd:/etc/passwd:ro is the mount of a file
        "name: value",
        _NAMED,
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
        _NAMED,
        rf"(?i)({_TOKEN}\\*[\"'`]{_BLANK}:{_BLANK}){_QUOTED}",
        ('{{"token":"{}"}}', '{{"access_token": "{}"}}', '{{\\"auth_token\\":\\"{}\\"}}'),
        r"\1" + _QUOTES,
    ),
    Rule(
        "token: long value",
        _NAMED,
        rf"(?i)(token{_BLANK}:{_BLANK})([\w\-.]*\d[\w\-.]{{6,}}=*)",
        ("token: ab{}12345678",),
        r"\1",
    ),
    Rule(
        "signature in a query",
        r"(?i)(?:sig|sas|signature|credential)\s*(?:=|%3d)",
        rf"(?i)({_SIGNATURE}{_BLANK}(?:=|%3d))[^\s,;&\"']+",
        ("https://h/x?sv=2020&sig={}", "https://b.s3.amazonaws.com/k?X-Amz-Signature={}&x=1", "sig={}"),
        r"\1",
    ),
    Rule(
        "option of a command line",
        _NAMED_OPTION,
        rf"(?i)(--?[\w.\-]*(?:{_STRONG}|{_TOKEN}|\bpass)\s+)(?:{_QUOTED}|[^\s\-\"']\S*)",
        ("run --password {} --x", "run --db-password '{}'", "run --api-key {}", "run --token {}", "mysql --pass {}"),
        r"\1" + _QUOTES,
    ),
    Rule(
        "option in a list of arguments",
        _NAMED_OPTION,
        rf"(?i)([\"']--?[\w.\-]*(?:{_STRONG}|{_TOKEN}|\bpass)\\?[\"']{_BLANK},{_BLANK}){_QUOTED}",
        ("['run', '--password', '{}']", '["--token", "{}"]'),
        r"\1" + _QUOTES,
    ),
    Rule(
        "-p of a command line",
        _COMMAND,
        r"(?i)(\b(?:sshpass|(?:docker|podman|skopeo|registry)\s+login|mysql\w*|mariadb|beeline|mongo\w*|cqlsh)\b[^\n;|&]*?\s-(?-i:p)\s?)"
        rf"(?:{_QUOTED}|[^\s\-\"'][^\s\"']*)",
        ("sshpass -p {} ssh h", "docker login -u me -p {}", "mysql -uroot -p'{}' db"),
        r"\1" + _QUOTES,
    ),
    Rule(
        "echo of a password",
        _COMMAND,
        r"(?i)(\becho\s+(?:-n\s+)?[\"']?)[^\s|\"']+([\"']?\s*\|\s*(?:kinit|sudo|su|docker|podman|gpg|openssl)\b)",
        ("echo {} | kinit me",),
        r"\1",
        r"\2",
    ),
    Rule(
        "cookie",
        _COMMAND,
        r"(?i)(\b(?:set-)?cookie\\*[\"']?\s*[:=]\s*\\*[\"']?)[\w\-.]+=[^\n\"']+",
        ("Cookie: session={}; a=b",),
        r"\1",
    ),
    Rule(
        "user of a command line",
        r"(?i)\s-u|--user",
        r"(?i)((?:\s-u|--user)[\s=]+[\"']?[^\s:\"'/]+:)[^\s\"']+",
        ("curl -u me:{} https://h", "curl --user 'me:{}'"),
        r"\1",
    ),
    Rule(
        "SQL option",
        _NAMED,
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
        "function of SQL",
        _COMMAND,
        rf"(?i)(\b(?:password\(|(?:try_)?aes_(?:en|de)crypt\([^'\"]*,){_BLANK}){_QUOTED}",
        ("SET PASSWORD FOR u = PASSWORD('{}')", "SELECT aes_decrypt(c, '{}')"),
        r"\1" + _QUOTES,
    ),
    Rule(
        "IDENTIFIED BY '...'",
        r"(?i)identified",
        rf"(?i)(\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+|values\s+)?){_QUOTED}",
        ("CREATE USER x IDENTIFIED BY '{}'", 'ALTER USER x IDENTIFIED BY "{}"', "IDENTIFIED WITH sha2 BY '{}'"),
        r"\1" + _QUOTES,
    ),
    Rule(
        "IDENTIFIED BY ...",
        r"(?i)identified",
        r"(?i)(\b(?:user|role)\s+\S+\s+identified\s+by\s+)[^\s;\"']+",
        ("CREATE USER x IDENTIFIED BY {};",),
        r"\1",
    ),
    Rule(
        "argument of a call",
        _NAMED,
        rf"(?i)(\b(?:option|set|put|conf|config|property|header|add|environ|getenv)\w*\(\s*[\"'][\w.\-]*"
        rf"(?:{_NAME})[\"']{_BLANK},{_BLANK}){_QUOTED}",
        ('.option("password", "{}")', "spark.conf.set('fs.azure.account.key.a.dfs.core.windows.net', '{}')"),
        r"\1" + _QUOTES,
    ),
    Rule(
        "pair of key and value",
        _NAMED,
        rf"(?i)(\([\w.\-]*(?:{_STRONG_NAME}|token),)(?:\*+\(redacted\)|[^()\s]+)",
        ("Array((spark.db.password,{}), (a,b))",),
        r"\1",
    ),
    Rule(
        "XML element",
        _NAMED,
        rf"(?i)(<[\w.:\-]*(?:{_STRONG_NAME}|token)>)[^<]+",
        ("<password>{}</password>",),
        r"\1",
    ),
    Rule(
        "XML property",
        _NAMED,
        rf"(?i)({_NAME}</name>\s*<value>)[^<]+",
        ("<name>fs.s3a.secret.key</name><value>{}</value>",),
        r"\1",
    ),
    Rule(
        "XML attribute",
        _COMMAND,
        rf"(?i)(\b(?:name|key)\s*=\s*\\*[\"'][\w.\-]*(?:{_NAME})\\*[\"']\s+value\s*=\s*){_QUOTED}",
        ('<property name="password" value="{}"/>',),
        r"\1" + _QUOTES,
    ),
    Rule(
        "key of a SAS token",
        _COMMAND,
        r"(?i)([._-]sas[._-][\w.\-]*\s*=\s*)[^\s,;\"']+",
        ("fs.azure.sas.container.acct.blob.core.windows.net={}",),
        r"\1",
    ),
    Rule(
        "JSON property",
        _NAMED,
        rf"(?i)(\"(?:name|key)\"{_BLANK}:{_BLANK}\"[\w.\-]*(?:{_NAME})\"{_BLANK},{_BLANK}\"value\"{_BLANK}:{_BLANK}){_QUOTED}",
        ('{{"name":"DB_PASSWORD","value":"{}"}}',),
        r"\1" + _QUOTES,
    ),
    # What is known by its own form, in whatever place. The examples are made up.
    Rule(
        "AWS access key id", r"A(?:KI|SI|BI|CC)A", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", ("AKIAQQQQQQQQQQQQQQQQ",)
    ),
    Rule(
        "GitHub token",
        r"gh[pousr]_|github_pat_",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})",
        ("ghp_" + "q" * 36,),
    ),
    Rule("GitLab token", r"gl(?:pat|dt|rt|cbt|ptt)-", r"\bgl(?:pat|dt|rt|cbt|ptt)-[\w\-]{20,}", ("glpat-" + "q" * 20,)),
    Rule("Slack token", r"xox|xapp", r"\b(?:xox[abeoprs]|xapp)-[\w\-]{10,}", ("xoxb-1234567890-" + "q" * 12,)),
    Rule(
        "Slack hook",
        r"hooks\.slack\.com",
        r"(hooks\.slack\.com/(?:services|workflows)/)[\w/\-]+",
        ("https://hooks.slack.com/services/T0/B0/{}",),
        r"\1",
    ),
    Rule(
        "Databricks token",
        r"d(?:api|ose|kea|sapi)[a-f0-9]",
        r"\b(?:dapi|dose|dkea|dsapi)[a-f0-9]{32}(?:-\d)?",
        ("dapi" + "0" * 32,),
    ),
    Rule(
        "JSON web token",
        r"eyJ",
        r"\beyJ[\w\-]{8,}\.[\w\-]{8,}(?:\.[\w\-]*)?",
        ("eyJqqqqqqqqqqq.eyJqqqqqqqqqq.qqqqqqqq",),
    ),
    Rule(
        "Google key",
        r"AIza|ya29|GOCSPX",
        r"\b(?:AIza[\w\-]{35}|ya29\.[\w\-]{20,}|GOCSPX-[\w\-]{20,})",
        ("AIza" + "q" * 35,),
    ),
    Rule("Azure client secret", r"Q~", r"\b\w{3}\dQ~[\w.~\-]{31,34}", ("qqq1Q~" + "q" * 34,)),
    Rule("Azure storage key", r"==", r"\b[A-Za-z0-9+/]{86}==", ("q" * 86 + "==",)),
    Rule("Hugging Face token", r"hf_", r"\bhf_[A-Za-z0-9]{30,}", ("hf_" + "q" * 34,)),
    Rule("OpenAI or Anthropic key", r"sk-", r"\bsk-(?:ant-|proj-)?[\w\-]{32,}", ("sk-" + "q" * 48,)),
    Rule("Stripe key", r"[rs]k_(?:live|test)_", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}", ("sk_live_" + "q" * 24,)),
    Rule("npm or PyPI token", r"npm_|pypi-", r"\b(?:npm_[A-Za-z0-9]{36}|pypi-AgE[\w\-]{20,})", ("npm_" + "q" * 36,)),
    Rule("SendGrid key", r"SG\.", r"\bSG\.[\w\-]{16,32}\.[\w\-]{16,64}", ("SG." + "q" * 22 + "." + "q" * 43,)),
    Rule("Vault token", r"hv[bs]\.", r"\bhv[bs]\.[\w\-]{24,}", ("hvs." + "q" * 24,)),
    Rule(
        "AWS session token",
        _SERVICE,
        r"\b(?:FwoG|FQoG|IQoJ|AQoD)[A-Za-z0-9+/]{80,}={0,2}",
        ("FwoG" + "q" * 100,),
    ),
    Rule(
        # Shopify, Linear, Grafana, Sentry, Atlassian, Postman, New Relic, Groq, Replicate, Perplexity, Notion, Typeform
        "key of a service",
        _SERVICE,
        r"\b(?:shp(?:at|ca|pa|ss)_[a-f0-9]{32}|lin_api_\w{32,}|gl(?:sa|c)_\w{32,}|sntry[su]_[\w+/=]{40,}|ATATT3[\w\-=]{40,}|"
        r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}|NRAK-[A-Z0-9]{27}|gsk_\w{40,}|r8_\w{32,}|pplx-\w{40,}|(?:secret|ntn)_\w{43,}|tfp_\w{40,})",
        ("glsa_" + "q" * 41,),
    ),
    Rule(
        # Mailgun, Tailscale, Airtable, Dynatrace, 1Password, Amazon MWS, Square, age, Pulumi
        "other key of a service",
        _SERVICE,
        r"\b(?:key-[a-f0-9]{32}|tskey-[\w\-]{20,}|pat\w{14}\.[a-f0-9]{64}|dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}|ops_eyJ[\w\-]{60,}|"
        r"amzn\.mws\.[\w\-]{36}|sq0\w{3}-[\w\-]{22,}|AGE-SECRET-KEY-1\w{40,}|pul-[a-f0-9]{40})",
        ("tskey-auth-" + "q" * 24,),
    ),
    Rule(
        "Docker or DigitalOcean token",
        r"dckr_pat_|do[opr]_v1_",
        r"\b(?:dckr_pat_[\w\-]{20,}|do[opr]_v1_[a-f0-9]{64})",
        ("dckr_pat_" + "q" * 27,),
    ),
)

# What is left of the long signs where _WORD does not match. RE2 compiles this in a third of the time.
_OTHER_WORD = r"(?i)pwd|credential|kennwort|contrase(?:n|ñ)a|jwt|authorization"
_LONG_SIGNS = (_NAMED, _NAMED_OPTION, _SEPARATED, _PASSWORD)
ANY_SIGN = "|".join(
    f"(?:{sign})" for sign in dict.fromkeys(_OTHER_WORD if rule.sign in _LONG_SIGNS else rule.sign for rule in RULES)
)
"""A pattern that matches wherever the sign of a rule does."""
