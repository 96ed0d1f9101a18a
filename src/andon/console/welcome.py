"""The plain first page: where things are, and how to report a first call."""

from __future__ import annotations

from html import escape

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin-bottom: .25rem; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
pre { padding: .9rem 1rem; overflow-x: auto; border: 1px solid; border-radius: .5rem;
  font: .8125rem/1.5 ui-monospace, monospace; }
code { overflow-wrap: anywhere; font-family: ui-monospace, monospace; }
li { margin: .25rem 0; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Andon</title>
<link rel="stylesheet" href="/welcome.css">
</head>
<body>
<h1>Andon is running</h1>
<p>A control plane for your LLM integrations: each call counted once, priced, summed, and set
against limits.</p>
<h2>1. Make an integration and a key for your application</h2>
<p>In a terminal on this machine, in the folder of Andon:</p>
<pre>.venv/bin/andon integrations add my-app --provider openai \\
  --credential-ref env://OPENAI_API_KEY
.venv/bin/andon keys create my-app --role ingest</pre>
<h2>2. Report a first call</h2>
<p>With curl (<code>INTEGRATION_ID</code> and <code>KEY</code> are what the two commands
printed):</p>
<pre>curl {url}/api/v1/telemetry/llm-usage \\
  -H 'Authorization: Bearer KEY' -H 'Content-Type: application/json' \\
  -d '{{"integration_id": "INTEGRATION_ID", "call_id": "first-call",
       "provider": "openai", "model": "gpt-4o", "tokens_in": 1200, "tokens_out": 300}}'</pre>
<p>Or with three lines of Python (<code>ANDON_URL={url}</code> and <code>ANDON_KEY</code> in the
environment):</p>
<pre>from andon.sdk import Client
client = Client()
client.record(integration_id="INTEGRATION_ID", provider="openai", model="gpt-4o",
              tokens_in=1200, tokens_out=300)</pre>
<h2>3. See what it sums to</h2>
<pre>.venv/bin/andon usage
.venv/bin/andon integrations limits my-app</pre>
<h2>Where things are</h2>
<ul>
<li><a href="/openapi.json">/openapi.json</a>: every endpoint under <code>/api/v1</code></li>
<li><a href="/healthz">/healthz</a> and <a href="/readyz">/readyz</a>: whether it lives, whether
it is ready</li>
<li><a href="/metrics">/metrics</a>: Prometheus metrics</li>
</ul>
</body>
</html>
"""


def page(url: str) -> str:
    """Write the page for a server that is reached at this URL."""
    return _PAGE.format(url=escape(url, quote=True))
