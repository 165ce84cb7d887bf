// admin/page/style.hpp - the style sheet of the status page. Pure.
//
// It stands in the page, and the Content-Security-Policy admits it by its hash: after a change a unit test prints the
// new one.
#pragma once

#include <string_view>

namespace page {

inline constexpr std::string_view style_hash_of_source =
    "sha256-DEJmTg/AvwClIxozEB2VOJ1OwUXCet4ARnUAud/iRzQ=";

inline constexpr std::string_view style_source = R"css(
:root{color-scheme:light dark;
--bg:#f4f6f8;--card:#fff;--text:#17202b;--soft:#4f5b69;--line:#d5dbe3;--link:#0a58a8;--track:#e6eaef;
--problem:#a8201a;--problem-bg:#fdeceb;--warning:#7f4d00;--warning-bg:#fff3dc;
--note:#27557f;--note-bg:#e9f1fa;--ok:#1b6434;--ok-bg:#e4f4e8;
--secure:#1f7a5c;--dane:#2f6db5;--none:#808b99;--temp:#c62f28;--may:#a96b00;--encrypt:#7a49b0}
@media (prefers-color-scheme:dark){:root{
--bg:#10151b;--card:#19202a;--text:#e7ebf1;--soft:#a7b1be;--line:#323c49;--link:#86bdff;--track:#2b3541;
--problem:#ff9088;--problem-bg:#3b1e1d;--warning:#ffc46b;--warning-bg:#372910;
--note:#98c6f5;--note-bg:#1a2b3d;--ok:#86d9a0;--ok-bg:#16311f;
--secure:#43ad88;--dane:#6ea5e8;--none:#7d8999;--temp:#ff7b72;--may:#e0a63a;--encrypt:#b28be0}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--text);font:16px/1.45 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
overflow-wrap:break-word}
code,strong,bdi,.rows,.wrong,.banner,h1,.facts dd{overflow-wrap:anywhere}
header,main,footer{max-width:1180px;margin:0 auto;padding:0 16px}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-9999px}
.skip:focus{left:8px;top:8px;background:var(--card);padding:8px;z-index:1}
header{padding-top:18px}
h1{font-size:1.5rem;line-height:1.2;margin:0}
h1 small{font-size:1rem;font-weight:400;color:var(--soft)}
h2{font-size:1.12rem;margin:0 0 10px}
h3{font-size:.95rem;margin:18px 0 6px}
p{margin:0 0 8px}
.soft{color:var(--soft)}
.head{display:flex;flex-wrap:wrap;gap:8px 14px;align-items:center;margin-bottom:4px}
.state{font-weight:600;border-radius:999px;padding:3px 12px;border:1px solid currentColor}
.ok{color:var(--ok);background:var(--ok-bg)}
.note{color:var(--note);background:var(--note-bg)}
.warning{color:var(--warning);background:var(--warning-bg)}
.problem{color:var(--problem);background:var(--problem-bg)}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px;margin:0 0 16px;min-width:0}
.banner{border-radius:10px;padding:12px 16px;margin:12px 0 0;border:1px solid currentColor}
.banner p{color:var(--text);margin:2px 0 0}
.wrong{list-style:none;margin:0;padding:0}
.wrong li{border-left:5px solid;border-radius:6px;padding:9px 12px;margin:0 0 8px}
.wrong li:last-child{margin-bottom:0}
.wrong b{margin-right:6px}
.wrong span,.wrong p{color:var(--text)}
.wrong p{margin:3px 0 0;font-size:.94rem}
.wrong code{white-space:pre-wrap}
details summary{cursor:pointer;font-weight:600;padding:4px 0}
details ul{margin-top:8px}
main{padding-top:14px}
.tiles{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:12px;margin:0 0 16px}
.tiles div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px;min-width:0}
.tiles dt{font-size:.88rem;color:var(--soft)}
.tiles dd{margin:0;font-size:1.5rem;font-weight:650;line-height:1.25;font-variant-numeric:tabular-nums}
.tiles dd+dd{font-size:.88rem;font-weight:400;color:var(--soft)}
.tiles .bad{color:var(--problem)}
.columns{display:grid;grid-template-columns:minmax(0,1fr);gap:0 16px;align-items:start}
table{border-collapse:collapse;width:100%;font-size:.95rem}
caption{text-align:left;color:var(--soft);font-size:.88rem;padding-bottom:4px}
th,td{text-align:left;padding:5px 8px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
tbody tr:last-child>*{border-bottom:0}
th{font-weight:600}
thead th{font-size:.85rem;color:var(--soft);font-weight:500}
tbody th{font-weight:400}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;padding-right:0;padding-left:8px}
thead .n{white-space:normal}
td.b{width:34%;padding-left:12px;padding-right:0;vertical-align:middle}
.bar{display:block;width:100%;height:10px;border-radius:3px;background:var(--track);fill:var(--dane)}
.bar.temp{fill:var(--temp)}.bar.secure{fill:var(--secure)}.bar.none{fill:var(--none)}.bar.may{fill:var(--may)}
.sw{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:7px;background:currentColor}
.secure .sw,.fill-secure{color:var(--secure)}.dane-only .sw{color:var(--dane)}.notfound .sw{color:var(--none)}
.temp .sw{color:var(--temp)}.may .sw{color:var(--may)}.encrypt .sw{color:var(--encrypt)}
.mem .sw{color:var(--dane)}.net .sw{color:var(--may)}
.plot{position:relative;margin:0 0 2px;border-bottom:1px solid var(--line)}
.plot svg{display:block;width:100%;height:150px;overflow:visible}
.plot .y{position:absolute;left:0;font-size:.78rem;line-height:1;color:var(--soft);background:var(--card);padding:1px 4px 1px 0;
pointer-events:none}
.y0{top:0}.y1{top:50%}
.d0{top:0}.d1{top:16.67%}.d2{top:33.33%}.d3{top:50%}.d4{top:66.67%}.d5{top:83.33%}
.x{display:flex;justify-content:space-between;font-size:.78rem;color:var(--soft);margin:0 0 10px}
.grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.k-secure{fill:var(--secure)}.k-dane-only{fill:var(--dane)}.k-notfound{fill:var(--none)}.k-temp{fill:var(--temp)}
.k-may{fill:var(--may)}.k-encrypt{fill:var(--encrypt)}
.hit{fill:transparent}
.hit:hover{fill:var(--text);fill-opacity:.12}
.line{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.l-mem{stroke:var(--dane)}.l-net{stroke:var(--may)}.half{stroke-dasharray:1 5}
.facts{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:4px 14px;margin:0;font-size:.95rem}
.facts dt{color:var(--soft)}
.facts dd{margin:0;font-variant-numeric:tabular-nums}
.rows{list-style:none;margin:0;padding:0;font-size:.95rem}
.rows li{border-top:1px solid var(--line);padding:7px 0}
.rows li:first-child{border-top:0}
.rows p{margin:2px 0 0;font-size:.9rem}
.tag{display:inline-block;font-size:.82rem;border-radius:4px;padding:0 6px;border:1px solid currentColor}
footer{padding-bottom:28px;font-size:.9rem;color:var(--soft)}
code{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
@media (max-width:480px){table{font-size:.9rem}.card{padding:14px}}
@media (min-width:640px){.tiles{grid-template-columns:repeat(3,minmax(0,1fr))}.facts{grid-template-columns:14rem minmax(0,1fr)}}
@media (min-width:980px){.tiles{grid-template-columns:repeat(6,minmax(0,1fr))}
.columns{grid-template-columns:repeat(2,minmax(0,1fr))}
.flow{columns:2;column-gap:16px}.flow .card{break-inside:avoid}}
@media (prefers-reduced-motion:no-preference){.hit{transition:fill-opacity .15s}}
@media print{body{background:#fff}.card,.tiles div{break-inside:avoid}}
)css";

} // namespace page
