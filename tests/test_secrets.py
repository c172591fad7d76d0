"""What a secret is: its names, its shapes, and the ways in which others repeat one. None here is a real one."""

from __future__ import annotations

import base64
import html
import json
import logging
import logging.handlers
import queue
import re
import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from distilabel_selfinstruct import secrets
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.secrets import (
    MASK,
    SecretFilter,
    clean_key,
    find_secrets,
    is_secret_name,
    mask_text,
    mask_url,
    masked,
    remember,
    remember_named,
    shown,
    strip_controls,
)

BODY = "Qx7" + "mT2vL9" + "bR4kW8" + "zN3pY6"  # built, so that no scanner takes it for a real one
KEY = "-".join(["sk", "proj", BODY])
VALUE = "zebra" + "4417" + "quilt"  # a secret without a shape


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test remembers its own secrets."""
    monkeypatch.setattr(secrets, "_remembered", set())


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "key", "KEY", "token", "Token", "password", "passwd", "secret", "authorization", "Authorization",
            "credential",
            "credentials", "bearer", "api_key", "apiKey", "API-KEY", "APIKey", "APIkey", "ApiKey", "apikey", "APIKEY",
            "api key", "api.key", "x-api-key", "X-API-Key", "X-Goog-Api-Key", "api-key", "openai_api_key",
            "OPENAI_API_KEY",
            "openaiApiKey", "OpenAIKey", "openai_key", "OPENAI_API_KEY_2", "api_key1", "api_key_prod", "api_keys",
            "subscription-key", "Ocp-Apim-Subscription-Key", "subscriptionKey", "x-functions-key", "accessToken",
            "access_token", "ACCESS_TOKEN", "accesstoken", "access-tokens", "refreshToken", "id_token", "auth_token",
            "hf_token", "HF_TOKEN", "hfToken", "HFToken", "HUGGING_FACE_HUB_TOKEN", "github_token", "x-auth-token",
            "X-Vault-Token", "use_auth_token", "aws_secret_access_key", "AWS_ACCESS_KEY_ID", "awsSecretAccessKey",
            "aws_session_token", "secret_key", "secretKey", "SECRETKEY", "client_secret", "clientSecret",
            "clientsecret",
            "private_key", "privateKey", "AccountKey", "SharedAccessKey", "signing_key", "encryption_key", "master_key",
            "db_password", "DBPassword", "PGPASSWORD", "MYSQL_PASS", "user_passwd", "password1", "passphrase",
            "proxy-authorization",
            "google_credentials", "GOOGLE_APPLICATION_CREDENTIALS", "ARGILLA_API_KEY", "argilla_key",
            "llm.arguments.api_key",
            "--api-key", "jwt", "auth", "Cookie", "basic_auth", "tOkEn", "ｔｏｋｅｎ", "secret_id",
        ],
    )  # fmt: skip
    def test_secret(self, name: str) -> None:
        assert is_secret_name(name)

    @pytest.mark.parametrize(
        "name",
        [
            "max_tokens", "tokens", "input_tokens", "output_tokens", "max_new_tokens", "max_completion_tokens",
            "maxTokens",
            "maxOutputTokens", "max_tokens_total", "token_count", "tokenCount", "tokenizer", "tokenizer_name",
            "tokenization",
            "tokenizer_config", "TOKENIZERS_PARALLELISM", "tokens_per_second", "token_ids", "stop_token_ids",
            "stopTokenIds",
            "eos_token", "eos_token_id", "bos_token", "pad_token", "decoderStartToken", "skip_special_tokens",
            "special_token",
            "next_page_token", "token_type", "token_limit", "token_path", "RAY_AUTH_TOKEN_PATH", "keywords", "keyword",
            "keyboard", "KEYBOARD_LAYOUT", "key_points", "keyPoints", "key_path", "keep", "keepalive", "monkey",
            "primary",
            "primary_key", "turkey", "donkey", "hotkey", "keys", "keyed", "keynote", "public_key", "publicKey",
            "sort_key",
            "cache_key", "label_key", "messages_key", "api_key_env_var", "secretary", "secret_name", "password_field",
            "password_min_length", "authorization_url", "author", "authors", "auth_mode", "RAY_AUTH_MODE",
            "credentials_file",
            "bearing", "forbearer_count", "PWD", "PATH", "SSH_AUTH_SOCK", "model", "base_url", "prompt", "passes",
            "compass", "",
            "base_passenger", "bypass", "x_key_id_count", "cookiecutter", "signature", "seed", "detoken_map",
        ],
    )  # fmt: skip
    def test_harmless(self, name: str) -> None:
        assert not is_secret_name(name)

    @pytest.mark.parametrize("name", [None, 5, b"api_key", ("api", "key"), 1.5])
    def test_what_is_no_text_is_no_name(self, name: object) -> None:
        assert not is_secret_name(name)


class TestAddresses:
    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("http://ada:{}@host/v1", "http://***@host/v1"),
            ("https://ada:{}@host:8000/v1?x=1", "https://***@host:8000/v1?x=1"),
            ("https://{}@host/v1", "https://***@host/v1"),
            ("postgresql+asyncpg://ada:{}@db/x", "postgresql+asyncpg://***@db/x"),
            ("redis://:{}@cache:6379/0", "redis://***@cache:6379/0"),
            ("ada:{}@proxy:3128", "***@proxy:3128"),
            ("http://ada:p@ss/{}@host/v1", "http://***@host/v1"),
            ("http://ada:p/{}@host/v1", "http://***@host/v1"),
            ("http://ada:p'{}@host/v1", "http://***@host/v1"),
            ("http:\\/\\/ada:{}@host\\/v1", "http:\\/\\/***@host\\/v1"),
            ("http%3A%2F%2Fada%3A{}%40host%2Fv1", "http%3A%2F%2F***%40host%2Fv1"),
            ("https://host/v1?api_key={}", "https://host/v1?api_key=***"),
            ("https://host/v1?key={}&alt=sse", "https://host/v1?key=***&alt=sse"),
            ("https://host/v1?alt=sse&subscription-key={}", "https://host/v1?alt=sse&subscription-key=***"),
            ("https://host/v1?api%5Fkey={}", "https://host/v1?api%5Fkey=***"),
            ("https://host/v1?api-version=1&amp;token={}&amp;x=1",
            "https://host/v1?api-version=1&amp;token=***&amp;x=1"),
            ("https://host/b?sv=2024&sig={}%3D&se=1", "https://host/b?sv=2024&sig=***&se=1"),
            ("https://b.s3/x?X-Amz-Signature={}&X-Amz-Date=1", "https://b.s3/x?X-Amz-Signature=***&X-Amz-Date=1"),
            ("https://b.s3/x?X-Amz-Credential={}%2F2024%2Fs3", "https://b.s3/x?X-Amz-Credential=***"),
            ("https://b.s3/x?X-Amz-Security-Token={}", "https://b.s3/x?X-Amz-Security-Token=***"),
            ("https://g/x?X-Goog-Signature={}", "https://g/x?X-Goog-Signature=***"),
            ("https://f.azure/api/x?code={}abcdef==", "https://f.azure/api/x?code=***"),
            ("https://host/cb#access_token={}&token_type=bearer", "https://host/cb#access_token=***&token_type=bearer"),
            ("https://r/?to=http%3A%2F%2Fh%3Fapi_key%3D{}%26x%3D1",
            "https://r/?to=http%3A%2F%2Fh%3Fapi_key%3D***%26x%3D1"),
            ('{{"u": "http://h/?a=1\\u0026key={}"}}', '{"u": "http://h/?a=1\\u0026key=***"}'),
        ],
    )  # fmt: skip
    def test_secret(self, url: str, shown: str) -> None:
        url = url.format(VALUE)
        assert mask_url(url) == shown
        assert mask_url(shown) == shown
        if "://" in url and not re.search("p'|p@ss", url):
            assert mask_text(f"GET {url} failed") == f"GET {shown} failed"

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:8000/v1", "https://api.openai.com/v1", "http://[::1]:8000/v1/x@y",
            "https://h:443/npm/foo@1.2",
            "hf://datasets/ada/tasks@main/data.parquet", "https://h/v1?max_tokens=5&model=m", "https://h/?code=404",
            "https://h/?api-version=2024-10-21", "https://h/?q=the+key+to", "https://h/?keyboard=de",
            "s3://bucket/key=1/x", "",
            "https://h/issues/1#token-counts", "mailto:ada@example.com", "ada@example.com", "file:///tmp/x",
            "127.0.0.1:8000",
        ],
    )  # fmt: skip
    def test_harmless(self, url: str) -> None:
        assert mask_url(url) == url
        assert mask_text(f"See {url} for more") == f"See {url} for more"


SHAPES = {
    "OpenAI": KEY,
    "OpenAI, old": f"sk-{BODY}{BODY}",
    "Anthropic": f"sk-ant-api03-{BODY}_x",
    "OpenRouter": f"sk-or-v1-{BODY.lower()}",
    "Hub": f"hf_{BODY}AbCd",
    "Groq": f"gsk_{BODY}AbCd",
    "xAI": f"xai-{BODY}AbCd",
    "Google": f"AIza{BODY}AbCdEfGh-_x",
    "GitHub": f"ghp_{BODY}AbCd",
    "GitHub, fine-grained": f"github_pat_{BODY}_{BODY}",
    "AWS": "AKIA" + BODY.upper()[:16],
    "GitLab": f"glpat-{BODY}",
    "NVIDIA": f"nvapi-{BODY}",
    "Slack": f"xoxb-12345678901-{BODY}",
    "JWT": ".".join(["eyJ" + "hbGciOiJIUzI1NiJ9", "eyJ" + "zdWIiOiIxIn0", BODY]),
    "JWT, cut": "eyJ" + "hbGciOiJIUzI1NiJ9" + BODY,
}


class TestTexts:
    @pytest.mark.parametrize("secret", SHAPES.values(), ids=SHAPES)
    @pytest.mark.parametrize(
        "text", ["{}", "Invalid key {}.", "'{}'", "b'{}\\n'", "({})", "key={}", "a\n{}\nb", "{}..."]
    )
    def test_keys_that_their_shape_gives_away(self, secret: str, text: str) -> None:
        assert BODY[:12] not in mask_text(text.format(secret))
        assert MASK in mask_text(text.format(secret))

    def test_a_private_key(self) -> None:
        begin, end = (f"-----{word} RSA PRIVATE KEY-----" for word in ("BEGIN", "END"))
        assert mask_text(f"a {begin}\n{BODY}\n{BODY}\n{end} b") == f"a {begin}***{end} b"

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("Authorization: Bearer {}", "Authorization: Bearer ***"),
            ("authorization: bearer {}\nAccept: */*", "authorization: bearer ***\nAccept: */*"),
            ("{{'Authorization': 'Bearer {}'}}", "{'Authorization': 'Bearer ***'}"),
            ('{{"authorization": "{}"}}', '{"authorization": "***"}'),
            ("Illegal header value b'Bearer {}\\n'", "Illegal header value b'Bearer ***\\n'"),
            ("-H 'Authorization: Token {}' -d x", "-H 'Authorization: Token ***' -d x"),
            ("with Bearer {}, please", "with Bearer ***, please"),
            ("Bearer%20{}", "Bearer%20***"),
            ("x-api-key: {}", "x-api-key: ***"),
            ("x-api-key={}; path=/", "x-api-key=***; path=/"),
            ("api_key={}", "api_key=***"),
            ("api_key = '{}'", "api_key = '***'"),
            ('{{"api_key": "{}", "n": 1}}', '{"api_key": "***", "n": 1}'),
            ("{{\"a\": \"{{\\\"api_key\\\": \\\"{}\\\"}}\"}}", '{"a": "{\\"api_key\\": \\"***\\"}"}'),
            ("&quot;apiKey&quot;: &quot;{}&quot;", "&quot;apiKey&quot;: &quot;***&quot;"),
            ("“api_key”: “{}”", "“api_key”: “***”"),
            ("Incorrect API key provided: {}. You can", "Incorrect API key provided: ***. You can"),
            ("Incorrect API key: {}", "Incorrect API key: ***"),
            ("the password is {}", "the password is ***"),
            ("Invalid token '{}'", "Invalid token '***'"),
            ("unrecognized arguments: --api-key {}", "unrecognized arguments: --api-key ***"),
            ("--hf-token={} --x", "--hf-token=*** --x"),
            ("OPENAI_API_KEY={}\nHOME=/x", "OPENAI_API_KEY=***\nHOME=/x"),
            ("export HF_TOKEN=\"{}\"", 'export HF_TOKEN="***"'),
            ("AccountName=a;AccountKey={}==;Suffix=b", "AccountName=a;AccountKey=***;Suffix=b"),
            ("password: {}", "password: ***"),
            ("os.environ['OPENAI_API_KEY'] = '{}'", "os.environ['OPENAI_API_KEY'] = '***'"),
            ("client_secret => {}", "client_secret => ***"),
            ("token: {}99", "token: ***"),
            ('"api_key": "{}', '"api_key": "***'),
            ("user=ada&password={}", "user=ada&password=***"),
        ],
    )  # fmt: skip
    def test_pairs(self, text: str, shown: str) -> None:
        assert mask_text(text.format(VALUE)) == shown
        assert mask_text(shown) == shown

    @pytest.mark.parametrize(("user", "password"), [("ada", "pass1234"), ("user", "pä:ss"), ("a", "swordfish")])
    def test_basic(self, user: str, password: str) -> None:
        encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
        assert mask_text(f"sent Basic {encoded} to it") == "sent Basic *** to it"

    def test_a_quoted_password_may_be_a_sentence(self) -> None:
        assert mask_text('{"password": "correct horse"}') == '{"password": "***"}'

    @pytest.mark.parametrize(
        "text",
        [
            "the key to success", "token: a unit of text", "Key: value pairs", "max_tokens=512", "max_tokens: 4096",
            "key: C major",
            "The secret: nobody knows.", "Password: at least 8 characters", "the token count is 1234567890",
            "tokens: 12345678",
            "sorted(rows, key=lambda row: row.score1)", "sorted(rows, key=str.lower)", "bearer of bad news",
            "Bearer authentication",
            "Basic authentication is required", "basic training in 2024", "sk-learn-contrib-packages",
            "hf_hub_download(repo)",
            "api_key: Optional[str] = None", "api_key=api_key", 'api_key = os.environ["OPENAI_API_KEY"]',
            "api_key=self.api_key",
            "api_key=get_key(1)", "Set OPENAI_API_KEY or api_key; check_endpoint=False", "(key: ARGILLA_API_KEY)",
            "key: 2024-05-01",
            "no key: it needs none", "token: HF_TOKEN", "ada@example.com", "at 12:30@noon", "$API_KEY",
            "api_key=${{OPENAI_API_KEY}}",
            "eyJust a word", "the monkey: 12345678abc", "keywords: alpha1234567, beta", "Keyboard: QWERTY-layout-2024",
            "stop_token_ids: [1, 2]", '{"eos_token": "<|endoftext|>1234"}', '{"key": "C minor"}',
            "Key: https://example.com/a/1/b/22",
            "sk-...wxyz", "Your key sk-abc...wxyz is wrong", "What is a secret? It is 42 things.",
            "Name a key. 123456789012 is long.",
            "A token is 4 characters", "the authorization: required by law", "0 of 8 instructions; tokens in: 1,234",
            "keys: a1b2c3d4e5f6",
            "AKIA", "Bearer token", "Token: `the`", "The password 'swordfish' of a tale", "primary_key: id12345",
            "hf_transformers_models_of_1",
        ],
    )  # fmt: skip
    def test_ordinary_text_stays(self, text: str) -> None:
        assert mask_text(text) == text
        assert find_secrets(text) == []

    def test_where_they_are(self) -> None:
        remember(VALUE)
        text = f"one {VALUE} two api_key={BODY} three {KEY}"
        assert [(text[found.start : found.end], found.kind) for found in find_secrets(text)] == [
            (VALUE, "known"), (BODY, "pair"), (KEY, "shape"),
        ]  # fmt: skip

    @pytest.mark.parametrize("text", ["a" * 300_000, "key" * 100_000, "http://" * 40_000, "eyJ" * 100_000,
    "&key=" * 50_000,
                                      "\\" * 300_000, "Authorization " * 20_000, "sk-" * 100_000])  # fmt: skip
    def test_a_long_text_is_no_trouble(self, text: str) -> None:
        remember(VALUE)
        mask_text(text)


def in_bytes(text: str) -> str:
    return repr(text.encode("utf-8", "surrogatepass"))


ESCAPES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "repr": repr,
    "repr of a repr": lambda text: repr(repr(text)),
    "bytes": in_bytes,
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps({"error": json.dumps({"message": text})}),
    "JSON with all letters": lambda text: json.dumps(text, ensure_ascii=False),
    "unicode escapes": lambda text: text.encode("unicode_escape").decode(),
    "an address": lambda text: quote(text, safe=""),
    "an address, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "a form": quote_plus,
    "HTML": html.escape,
    "HTML references": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "base64 after a user": lambda text: base64.b64encode(b"ada:" + text.encode("utf-8", "surrogatepass")).decode(),
    "base64": lambda text: base64.b64encode(text.encode("utf-8", "surrogatepass")).decode(),
    "hex": lambda text: text.encode("utf-8", "surrogatepass").hex(),
    "all percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "all bytes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "all units": lambda text: "".join(rf"\u{unit:04x}" for unit in array("H", text.encode("utf-16-le"))),
    "capitals": str.upper,
    "a key of a dict": lambda text: repr({text: 1}),
    "an exception": lambda text: repr(ValueError("bad", text)),
}
KNOWN = [
    VALUE, "argilla.owner.key", "p4ss'word\"x", "tab\tnew\nline", "“curly”quotes1", "a&b<c>d;e=f", "50%25 of it",
    "back\\slash\\n1", "schlüssel-größe", "密钥密钥密钥密钥", "🔑key🔑word🔑", "/plus+slash/==", "with space in it",
    "key=value&x",
]  # fmt: skip


class TestKnownSecrets:
    @pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
    @pytest.mark.parametrize("secret", KNOWN)
    def test_however_it_is_written(self, secret: str, escape: Callable[[str], str]) -> None:
        remember(secret)
        said = mask_text(f"before {escape(secret)} after")
        assert MASK in said
        assert not holds_much_of(secret, said)
        assert said.startswith("before ")
        assert said.endswith(" after")

    def test_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SOME_API_KEY", f" {VALUE}\n")
        monkeypatch.setenv("KEYBOARD_LAYOUT", "QWERTYUIOP")
        monkeypatch.setenv("MY_TOKEN", "short")
        monkeypatch.setenv("HTTPS_PROXY", "http://ada:swordfish@proxy:3128")
        assert mask_text(f"a {VALUE} QWERTYUIOP short swordfish") == "a *** QWERTYUIOP short ***"
        monkeypatch.delenv("SOME_API_KEY")
        assert mask_text(f"a {VALUE}") == f"a {VALUE}"

    def test_a_variable_that_names_a_file_is_no_secret(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = str(tmp_path / "credentials.json")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
        assert mask_text(f"cannot read {path}") == f"cannot read {path}"

    @pytest.mark.parametrize(
        "placeholder", ["none", "EMPTY", "ollama", "lm-studio", "not-needed", "", "  ", "***", "********"]
    )
    def test_placeholders_are_not_remembered(self, placeholder: str) -> None:
        remember(placeholder)
        assert mask_text(f"ollama: not-needed, none, EMPTY; lm-studio {placeholder}!").startswith("ollama: not-needed")
        assert not secrets._remembered

    def test_a_short_one_is_masked_as_a_word(self) -> None:
        remember("hunter")
        assert mask_text("hunter, 'hunter', hunters") == "***, '***', hunters"

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            (f"GET /v1 with {VALUE[:10]}", "GET /v1 with ***"),
            (f"{VALUE[:9]}...", "***..."),
            (f"{VALUE[:9]}…", "***…"),
            (f"one {VALUE[:9]}\ntwo", "one ***\ntwo"),
            (f"...{VALUE[-9:]} was refused", "...*** was refused"),
            (f"{VALUE[:4]}...{VALUE[-4:]} is what servers show", f"{VALUE[:4]}...{VALUE[-4:]} is what servers show"),
        ],
    )
    def test_a_cut_one(self, text: str, shown: str) -> None:
        remember(VALUE)
        assert mask_text(text) == shown

    def test_a_cut_and_escaped_one(self) -> None:
        remember('ab"cd"ef"gh"ij"kl')
        assert mask_text(json.dumps('key ab"cd"ef"gh"ij"kl')[:-6]) == '"key ***'

    @pytest.mark.parametrize("size", [9, 12, 20, len(KEY) - 1])
    def test_a_key_cut_at_any_place(self, size: int) -> None:
        remember(KEY)
        text = f"Invalid: {KEY[:size]}"
        assert mask_text(text) == ("Invalid: ***" if size > 11 else text)  # "sk-proj-" alone says nothing

    def test_words_that_a_secret_begins_with_stay(self) -> None:
        remember("production-database-9")
        assert mask_text("In production we use production data") == "In production we use production data"
        assert mask_text("with production-database-9.") == "with ***."

    def test_remember_named(self) -> None:
        remember_named({
            "base_url": "http://ada:pw%2Fslash1@host/v1?key=parameter1", "model": "tiny-model",
            "default_headers": {"Authorization": "Bearer headervalue", "X-Team": "greenteam"},
            "api_key": SecretStr("pydanticvalue"), "nested": [{"credentials": {"value": "deepvalue"}}],
        })  # fmt: skip
        assert secrets._remembered == {"pw/slash1", "parameter1", "headervalue", "pydanticvalue", "deepvalue"}
        assert mask_text("pw/slash1, pw%2Fslash1, tiny-model, greenteam") == "***, ***, tiny-model, greenteam"


def holds_much_of(secret: str, text: str) -> bool:
    """Whether 8 characters of the secret one after another stand in the text."""
    return any(secret[at : at + 8] in text for at in range(max(1, len(secret) - 7)))


class Model(BaseModel):
    api_key: SecretStr
    note: str


class Header(NamedTuple):
    api_key: str
    number: int


@dataclass(frozen=True)
class Settings:
    token: str
    tokens: int


class TestNestedValues:
    def test_by_name_at_any_depth(self) -> None:
        value = {
            "model": "m", "max_tokens": 5, "api_key": VALUE, "nothing": None, "password": "", "token": None,
            "use_auth_token": True,
            "generation_kwargs": {"extra_body": {"apiKey": VALUE}, "stop": ["key", "token"], "temperature": 0.5},
            "headers": [{"x-api-key": VALUE}, ("Authorization", f"Bearer {VALUE}"), ["x-api-key", VALUE]],
            "credentials": {"user": "ada", "secrets": [VALUE, 5]}, "password2": 12345678, "logit": {"token": 17},
            "pairs": [{"name": "X-Api-Key", "value": VALUE}, {"name": "temperature", "value": "x"}],
        }  # fmt: skip
        assert masked(value) == {
            "model": "m", "max_tokens": 5, "api_key": MASK, "nothing": None, "password": "", "token": None,
            "use_auth_token": True,
            "generation_kwargs": {"extra_body": {"apiKey": MASK}, "stop": ["key", "token"], "temperature": 0.5},
            "headers": [{"x-api-key": MASK}, ("Authorization", MASK), ["x-api-key", MASK]],
            "credentials": {"user": MASK, "secrets": [MASK, MASK]}, "password2": MASK, "logit": {"token": 17},
            "pairs": [{"name": "X-Api-Key", "value": MASK}, {"name": "temperature", "value": "x"}],
        }  # fmt: skip

    def test_of_any_kind(self) -> None:
        remember(VALUE)
        assert masked(Settings(VALUE, 5)) == {"token": MASK, "tokens": 5}
        assert masked(Model(api_key=SecretStr(VALUE), note=f"x {VALUE}")) == {"api_key": MASK, "note": "x ***"}
        assert masked(Header(VALUE, 5)) == Header(MASK, 5)
        assert masked([SecretStr(VALUE)]) == [MASK]
        assert masked({VALUE, "a"}) == {MASK, "a"}
        assert masked(f"a{VALUE}".encode()) == b"a***"
        assert masked({"api_key": b"abc"}) == {"api_key": b"***"}
        assert masked(Path("runs") / VALUE) == f"runs/{MASK}"
        assert masked({VALUE: 1}) == {MASK: 1}
        assert masked(ValueError(VALUE)) == MASK

    def test_what_is_harmless_stays_what_it_is(self) -> None:
        value = {
            "path": Path("a"),
            5: (1, 2.5, None, True),
            "data": b"\xff",
            "names": frozenset({"a"}),
            "stop": ["\n\n"],
        }
        assert masked(value) == value
        assert isinstance(masked(value)["path"], Path)

    def test_addresses(self) -> None:
        assert masked({"base_url": f"http://ada:{VALUE}@h/v1?key={VALUE}"}) == {"base_url": "http://***@h/v1?key=***"}

    def test_a_schema_may_describe_a_password(self) -> None:
        schema = {"type": "object", "properties": {"password": {"type": "string"}, "token": {"type": "integer"}},
                  "required": ["password", "token"]}  # fmt: skip
        assert masked({"response_format": {"schema": schema}}) == {"response_format": {"schema": schema}}

    def test_an_ambiguous_name_counts_if_its_value_looks_secret(self) -> None:
        assert masked({"primary_key": "id", "partition_key": "year"}) == {"primary_key": "id", "partition_key": "year"}
        assert masked({"primary_key": f"{BODY}{BODY}=="}) == {"primary_key": MASK}

    def test_it_changes_nothing_in_place(self) -> None:
        value = {"a": [{"api_key": VALUE}]}
        masked(value)
        assert value == {"a": [{"api_key": VALUE}]}


SIGNS = "abcXYZ019 -_/+=.,;:%&?<>()[]{}#@!$^*~|\\\"'\n\t\x1bäß密🔑“”"
SECRETS = st.text(SIGNS, max_size=30).map(lambda text: f"Pw{text}7Qz9")
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(["a", "arguments", "headers", "5", "text", "extra_body"])
    return st.recursive(
        leaf,
        lambda inner: (
            st.tuples(inner, LEAVES)
            | st.lists(inner | LEAVES, min_size=1, max_size=3).flatmap(lambda items: inner.map(lambda it: [*items, it]))
            | st.dictionaries(names, LEAVES, max_size=2).flatmap(lambda d: inner.map(lambda it: {**d, "here": it}))
        ),
        max_leaves=4,
    )


@settings(max_examples=50)
@given(
    data=st.data(),
    secret=SECRETS.filter(lambda secret: len(secret) > 9),
    escape=st.sampled_from(list(ESCAPES.values())),
)
def test_no_planted_secret_survives(data: st.DataObject, secret: str, escape: Callable[[str], str]) -> None:
    secrets._remembered.clear()
    remember(secret)
    value = data.draw(
        nested(st.builds(lambda before, after: f"{before} {escape(secret)} {after}", st.text(max_size=9), st.just(".")))
    )
    said = str(masked(value))
    assert MASK in said
    assert secret not in said
    assert escape(secret) not in said


@settings(max_examples=50)
@given(data=st.data(), secret=st.text("abcXYZ019 -_/+=.\"'\n", min_size=1, max_size=30).filter(str.strip),
       name=st.sampled_from(["api_key", "password", "Authorization", "accessToken", "hf_token", "x-api-key",
       "secret"]))  # fmt: skip
def test_no_value_of_a_secret_name_survives(data: st.DataObject, secret: str, name: str) -> None:
    secrets._remembered.clear()
    found = list(texts_of(masked(data.draw(nested(st.just({name: secret}))))))
    assert MASK in found
    assert all(secret not in text or len(secret) < 9 for text in found)


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from texts_of(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from texts_of(each)
    elif isinstance(value, str):
        yield value


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(text: str) -> None:
    secrets._remembered.clear()
    assert mask_text(mask_text(text)) == mask_text(text)


class TestCleanKey:
    @pytest.mark.parametrize(
        "given", ["{}\n", "{}\r\n", " {}\t", "“{}”", "‘{}’", '"{}"', "'{}'", "„{}“", "`{}`", "«{}»", "“{}”\n", '" {} "',
        "\ufeff{}",
                  "{}\u200b", "\xa0{}", "{}"]
    )  # fmt: skip
    def test_what_was_copied_along_goes(self, given: str) -> None:
        assert clean_key(given.format(KEY), "OPENAI_API_KEY") == KEY

    @pytest.mark.parametrize("nothing", ["", " ", "\n", '""', "“”"])
    def test_an_empty_one(self, nothing: str) -> None:
        assert clean_key(nothing, "OPENAI_API_KEY") == ""

    @pytest.mark.parametrize(
        ("given", "what"),
        [
            (f"{BODY}\n{BODY}", f"character 22 of {2 * len(BODY) + 1} is U+000A"),
            (f"{BODY}\x1b[0m", f"character 22 of {len(BODY) + 4} is U+001B"),
            (f"{BODY}”x", f"character 22 of {len(BODY) + 2} is RIGHT DOUBLE QUOTATION MARK"),
            (f"é{BODY}", f"character 1 of {len(BODY) + 1} is LATIN SMALL LETTER E WITH ACUTE"),
            (f"{BODY}密", f"character 22 of {len(BODY) + 1} is CJK UNIFIED IDEOGRAPH-5BC6"),
        ],
    )
    def test_what_no_header_can_hold(self, given: str, what: str) -> None:
        with pytest.raises(ConfigError) as caught:
            clean_key(given, "OPENAI_API_KEY")
        said = str(caught.value)
        assert said == f"OPENAI_API_KEY: {what}, which no key holds. Copy the key again, and nothing else with it."
        assert BODY[:6] not in said
        assert "\n" not in said


class TestControls:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("\x1b[31mred\x1b[0m", "red"),
            ("\x9b31mred", "red"),
            ("\x1b]0;title\x07text", "text"),
            ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x1b]0;never ended\nnext", "\nnext"),
            ("\x1bPpayload\x1b\\x", "x"),
            ("\x1bcreset", "reset"),
            ("\x1b(Btext", "text"),
            ("a\x00b\x07c\x08d\x7fe", "abcde"),
            ("one\r\ntwo\rthree\n\tfour", "one\ntwo\nthree\n\tfour"),
            ("a\u202egnp.exe", "agnp.exe"),
            ("half \ud83d", "half \ufffd"),
            ("whole 😀, ä, 你好, שלום", "whole 😀, ä, 你好, שלום"),
            ("\x1b", ""),
        ],
    )
    def test_what_is_left(self, text: str, shown: str) -> None:
        assert strip_controls(text) == shown

    @given(st.text())
    def test_no_control_character_survives(self, text: str) -> None:
        left = strip_controls(text)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", left)
        assert strip_controls(left) == left

    def test_a_secret_behind_escapes_is_found(self) -> None:
        remember(VALUE)
        assert shown(f"{VALUE[:5]}\x1b[1m{VALUE[5:]}") == MASK


class TestLog:
    @pytest.fixture
    def logged(self) -> tuple[logging.Logger, list[str]]:
        lines: list[str] = []

        class Keeping(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                lines.append(self.format(record))

        logger, handler = logging.Logger("test"), Keeping()
        handler.addFilter(SecretFilter())
        logger.addHandler(handler)
        remember(VALUE)
        return logger, lines

    def test_message_and_arguments(self, logged: tuple[logging.Logger, list[str]]) -> None:
        logger, lines = logged
        logger.warning("%s said %r", "the server", {"key": VALUE})
        logger.warning(f"\x1b[31m{VALUE}")
        logger.warning("100%% of %d", 5)
        assert lines == ["the server said {'key': '***'}", "***", "100% of 5"]

    def test_tracebacks(self, logged: tuple[logging.Logger, list[str]]) -> None:
        logger, lines = logged
        try:
            raise ValueError(f"bad {VALUE}\n") from OSError(json.dumps({"api_key": VALUE}))
        except ValueError:
            logger.exception("It failed")
        logger.warning("with a stack", stack_info=True)
        assert "Traceback" in lines[0]
        assert "ValueError: bad ***" in lines[0]
        assert VALUE not in "".join(lines)
        assert "test_tracebacks" in lines[1]

    def test_arguments_that_do_not_fit(
        self, logged: tuple[logging.Logger, list[str]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        logger, lines = logged
        logger.warning("%d", VALUE)
        assert lines == ["%d ('***',)"]
        assert capsys.readouterr().err == ""

    def test_on_its_way_to_another_process(self) -> None:
        remember(VALUE)
        records: queue.SimpleQueue[Any] = queue.SimpleQueue()
        handler = logging.handlers.QueueHandler(records)
        handler.addFilter(SecretFilter())
        try:
            raise ValueError(VALUE)
        except ValueError:
            handler.handle(logging.makeLogRecord({"msg": "x %s", "args": (VALUE,), "exc_info": sys.exc_info()}))
        assert VALUE not in str(records.get().__dict__)
