// admin/page/template.hpp - the status page as a mustache template. Pure.
//
// No script, no style attribute, nothing from elsewhere. {{{ }}} is only for SVG, which admin/page/chart.hpp makes of
// numbers, and for the style sheet.
#pragma once

#include <string_view>

namespace page {

inline constexpr std::string_view page_template = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
{{#refresh}}
<meta http-equiv="refresh" content="{{seconds}}">
{{/refresh}}
<title>{{state_words}} - stsmapd{{#host}} on {{name}}{{/host}}</title>
<style>{{{style}}}</style>
</head>
<body>
<a class="skip" href="#main">Skip to what is wrong</a>
<header>
<div class="head">
<h1>stsmapd{{#host}} <small>on {{name}}</small>{{/host}}</h1>
<p class="state {{state}}">{{state_words}}</p>
</div>
<p class="soft">As of <time datetime="{{now_utc}}">{{now}}</time>, running for {{uptime}}.
{{#refresh}}Refreshes every {{seconds}} s. <a href="?refresh=0">Stop refreshing</a>{{/refresh}}
{{^refresh}}<a href="?">Refresh every 30 s</a>{{/refresh}}</p>
{{#observing}}
<div class="banner note" role="note">
<strong>Only observing.</strong>
<p>Postfix gets no policy for any domain: nothing is enforced. {{observed_words}}
To enforce, set <code>mode = "enforce"</code> and reload; <code>stsmap preview</code> says which mail would have waited.</p>
</div>
{{/observing}}
</header>
<main id="main" tabindex="-1">
<section class="card" aria-labelledby="wrong">
<h2 id="wrong">What is wrong</h2>
{{#fine}}
<p>Nothing that the daemon can see: whoever asks gets answers, and all parts work. Whether Postfix reaches it, <code>stsmap doctor</code> says.</p>
{{/fine}}
{{#has_troubles}}
<ul class="wrong">
{{#troubles}}
<li class="{{weight}}" id="trouble-{{id}}"><b>{{kind}}</b><span>{{words}}</span>
<p>{{#advice}}{{#code}}<code>{{text}}</code>{{/code}}{{^code}}{{text}}{{/code}}{{/advice}}</p></li>
{{/troubles}}
</ul>
{{/has_troubles}}
{{#has_notes}}
<details{{#notes_open}} open{{/notes_open}}>
<summary>Good to know ({{notes_count}})</summary>
<ul class="wrong">
{{#notes}}
<li class="{{weight}}" id="trouble-{{id}}"><span>{{words}}</span>
<p>{{#advice}}{{#code}}<code>{{text}}</code>{{/code}}{{^code}}{{text}}{{/code}}{{/advice}}</p></li>
{{/notes}}
</ul>
</details>
{{/has_notes}}
</section>

<dl class="tiles">
{{#tiles}}
<div><dt>{{label}}</dt><dd{{#bad}} class="bad"{{/bad}}>{{value}}</dd><dd>{{more}}</dd></div>
{{/tiles}}
</dl>

<div class="columns">
<section class="card" aria-labelledby="answers">
<h2 id="answers">Answers</h2>
{{#has_hour}}
<div class="plot">{{{answers_chart}}}<span class="y y0">{{answers_top}} a minute</span><span class="y y1">{{answers_middle}}</span></div>
<p class="x"><span>an hour ago</span><span>half an hour ago</span><span>now</span></p>
{{/has_hour}}
{{^has_hour}}
<p class="soft">The first minute is not over yet.</p>
{{/has_hour}}
<table>
<thead><tr><th scope="col">What Postfix got</th><th scope="col" class="n">last hour</th><th scope="col" class="n">{{#observing}}would have got{{/observing}}{{^observing}}since the start{{/observing}}</th></tr></thead>
<tbody>
{{#answers}}
<tr class="{{answer}}"><th scope="row"><span class="sw"></span>{{meaning}}</th><td class="n">{{hour}}</td><td class="n">{{#observing}}{{would}}{{/observing}}{{^observing}}{{total}}{{/observing}}</td></tr>
{{/answers}}
</tbody>
</table>
{{#observing}}
<p class="soft">The last column: what Postfix would have got since the start, without observing.</p>
{{/observing}}
{{#waiting}}
<p class="soft">{{waiting_words}}</p>
{{/waiting}}
</section>

<section class="card" aria-labelledby="durations">
<h2 id="durations">How long answers took</h2>
{{#has_hour}}
<div class="plot">{{{durations_chart}}}<span class="y d0">10 s</span><span class="y d1">1 s</span><span class="y d2">100 ms</span><span class="y d3">10 ms</span><span class="y d4">1 ms</span><span class="y d5">0.1 ms</span></div>
<p class="x"><span>an hour ago</span><span>half an hour ago</span><span>now</span></p>
{{/has_hour}}
{{^has_hour}}
<p class="soft">The first minute is not over yet.</p>
{{/has_hour}}
<table>
<thead><tr><th scope="col">Last hour</th><th scope="col" class="n">answers</th><th scope="col" class="n">half within</th><th scope="col" class="n">99 % within</th></tr></thead>
<tbody>
{{#durations}}
<tr class="{{source}}"><th scope="row"><span class="sw"></span>{{meaning}}</th><td class="n">{{count}}</td><td class="n">{{p50}}</td><td class="n">{{p99}}</td></tr>
{{/durations}}
</tbody>
</table>
<p class="soft">Solid: 99 % of a minute's answers. Dotted: half of them.</p>
</section>
</div>

<div class="flow">
<section class="card" aria-labelledby="policies">
<h2 id="policies">Policies</h2>
{{^counted}}
<p class="soft">They have not been counted yet.</p>
{{/counted}}
{{#counted}}
<table>
<caption>Counted {{counted_ago}}.</caption>
<thead><tr><th scope="col">Mode</th><th scope="col" class="n">domains</th><th scope="col"><span class="soft"></span></th></tr></thead>
<tbody>
{{#modes}}
<tr><th scope="row">{{meaning}}</th><td class="n">{{policies}}</td><td class="b">{{{bar}}}</td></tr>
{{/modes}}
</tbody>
</table>
<h3>How fresh they are</h3>
<table>
<thead><tr><th scope="col">Fetched</th><th scope="col" class="n">domains</th><th scope="col"></th></tr></thead>
<tbody>
{{#ages}}
<tr><th scope="row">{{meaning}}</th><td class="n">{{policies}}</td><td class="b">{{{bar}}}</td></tr>
{{/ages}}
</tbody>
</table>
{{/counted}}
<h3>Since the start</h3>
<dl class="facts">
{{#policy_facts}}
<dt>{{label}}</dt><dd>{{value}}</dd>
{{/policy_facts}}
</dl>
</section>

<section class="card" aria-labelledby="failing">
<h2 id="failing">Policy hosts that fail</h2>
{{^has_failing}}
<p>None: the last fetch of every policy in use succeeded.</p>
{{/has_failing}}
{{#has_failing}}
<table>
<thead><tr><th scope="col">Reason</th><th scope="col" class="n">policies</th><th scope="col"></th></tr></thead>
<tbody>
{{#reasons}}
<tr><th scope="row"><code>{{reason}}</code></th><td class="n">{{policies}}</td><td class="b">{{{bar}}}</td></tr>
{{/reasons}}
</tbody>
</table>
{{#has_domains}}
<h3>Those that expire first</h3>
<ul class="rows">
{{#failing}}
<li><strong>{{domain}}</strong> <span class="tag {{weight}}">expires {{expires}}</span>
<p class="soft">{{mode}}, <code>{{reason}}</code>, {{failures}}, last fetched {{fetched}}</p>
{{#has_detail}}<p>{{detail}}</p>{{/has_detail}}</li>
{{/failing}}
</ul>
{{/has_domains}}
{{^has_domains}}
<p class="soft"><code>stsmap list --failing</code> names them.</p>
{{/has_domains}}
{{/has_failing}}
<h3>Fetches</h3>
<dl class="facts">
{{#fetch_facts}}
<dt>{{label}}</dt><dd>{{value}}</dd>
{{/fetch_facts}}
</dl>
</section>

<section class="card" aria-labelledby="dane">
<h2 id="dane">DANE and name servers</h2>
{{#dane_active}}
<p>DANE is looked for: domains that it secures are left to it.</p>
{{/dane_active}}
{{^dane_active}}
<p><span class="tag note">off</span> DANE is not looked for: {{dane_why}}.</p>
{{/dane_active}}
<table>
<thead><tr><th scope="col">Name server</th><th scope="col">answers</th><th scope="col">DNSSEC</th></tr></thead>
<tbody>
{{#resolvers}}
<tr><th scope="row"><code>{{server}}</code></th><td>{{#silent}}<span class="tag problem">no</span>{{/silent}}{{^silent}}yes{{/silent}}</td><td>{{dnssec}}</td></tr>
{{/resolvers}}
{{^resolvers}}
<tr><td colspan="3">None is configured.</td></tr>
{{/resolvers}}
</tbody>
</table>
<h3>Since the start</h3>
<dl class="facts">
{{#dns_facts}}
<dt>{{label}}</dt><dd>{{value}}</dd>
{{/dns_facts}}
</dl>
</section>

<section class="card" aria-labelledby="overrides">
<h2 id="overrides">Overrides</h2>
{{^has_overrides}}
<p>None: every domain gets what its own policy and DANE say.</p>
{{/has_overrides}}
{{#has_overrides}}
<p class="soft">{{overrides_words}}</p>
<ul class="rows">
{{#overrides}}
<li>{{#named}}<strong><bdi>{{domain}}</bdi></strong> {{/named}}<code>{{action}}</code> <span class="tag {{weight}}">{{ends}}</span>{{#weakens}} <span class="tag warning">weakens</span>{{/weakens}}
<p class="soft">{{origin}}{{#has_reason}}: <bdi>{{reason}}</bdi>{{/has_reason}}</p></li>
{{/overrides}}
</ul>
{{/has_overrides}}
</section>

<section class="card" aria-labelledby="store">
<h2 id="store">Store, memory and log</h2>
<dl class="facts">
{{#store_facts}}
<dt>{{label}}</dt><dd>{{value}}</dd>
{{/store_facts}}
</dl>
</section>

<section class="card" aria-labelledby="daemon">
<h2 id="daemon">This daemon</h2>
<dl class="facts">
{{#daemon_facts}}
<dt>{{label}}</dt><dd>{{value}}</dd>
{{/daemon_facts}}
</dl>
</section>
</div>
</main>
<footer>
<p>The same as <a href="/status.json">JSON</a>, the numbers as <a href="/metrics">metrics for Prometheus</a>.
stsmapd(8) explains answers, reasons and alerts; <code>stsmap explain DOMAIN</code> explains one domain.</p>
</footer>
</body>
</html>
)html";

} // namespace page
