#include "quantick/report/style.h"

namespace quantick::report {
namespace {

// Colours keep apart for the three common kinds of colour blindness (blue, vermilion, bluish green, violet, grey), and
// every line also has its own dash. Text and marks keep the WCAG contrast (4.5:1 and 3:1) on both backgrounds.
constexpr std::string_view kStyle = R"css(
:root{--bg:#fbfbf9;--ink:#15181c;--soft:#59616b;--rule:#dfe2e6;--faint:#f1f2f0;--grid:#e7e9ec;--zero:#858c95;
--float32:#5b93e0;--int8:#b93c0a;--ridge:#00776a;--equal:#7c4fae;--bench:#69717b;
--s0:#b93c0a;--s1:#bd7314;--s2:#858c95;--s3:#4c8fd6;--s4:#1b4f9c;--blue:27 96 190;--orange:206 98 20;--link:#1f5fb4;
--good:#0b6b5e;--bad:#a8390a}
@media (prefers-color-scheme:dark){:root{--bg:#14171b;--ink:#e8eaed;--soft:#a2abb6;--rule:#2d333b;--faint:#1c2127;
--grid:#262c33;--zero:#5d6671;--float32:#4479cc;--int8:#ffab6e;--ridge:#46c9ab;--equal:#c3a0f0;--bench:#98a1ac;
--s0:#ff9a5c;--s1:#e0b070;--s2:#98a1ac;--s3:#78b2f5;--s4:#4b86e8;--blue:64 136 240;--orange:226 118 40;--link:#8bbcf8;
--good:#5fd0b6;--bad:#ff9f66}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums;display:grid;grid-template-columns:11.5rem minmax(0,1fr);overflow-wrap:break-word}
nav{position:sticky;top:0;align-self:start;height:100vh;overflow-y:auto;padding:3.1rem 0 2rem 1.6rem}
nav ul{list-style:none;margin:0;padding:0}
nav a{display:block;padding:.22rem .8rem;color:var(--soft);text-decoration:none;border-left:2px solid var(--rule)}
nav a:hover,nav a.here{color:var(--ink);border-color:var(--ink)}
a:focus-visible,button:focus-visible,[tabindex]:focus-visible{outline:2px solid var(--link);outline-offset:2px}
main{min-width:0;max-width:72rem;padding:2.6rem 2.5rem 5rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem;font-weight:650;letter-spacing:-.012em;overflow-wrap:anywhere}
h2{font-size:1.28rem;margin:0 0 .9rem;font-weight:640}
h3{font-size:1rem;margin:1.6rem 0 .5rem;font-weight:620}
h4{font-size:.88rem;margin:1.1rem 0 .2rem;font-weight:620}
.path,.facts dd,.summary,.warnings{overflow-wrap:anywhere}
p{margin:.5rem 0}
section{padding-top:1.7rem;margin-top:2.4rem;border-top:1px solid var(--rule);scroll-margin-top:.5rem}
.run{color:var(--soft);margin:0 0 1rem;overflow-wrap:anywhere}
.run span+span::before{content:"\00b7";margin:0 .5em}
.summary{max-width:46rem;font-size:1.02rem}
.note{color:var(--soft);font-size:.8rem;line-height:1.4;font-weight:400}
.warnings{margin:1rem 0 0;padding:.6rem 1rem .6rem 2rem;border:1px solid var(--bad);border-radius:4px;max-width:46rem}
.notes{padding-left:1.1rem;margin:.7rem 0;max-width:50rem;color:var(--soft);font-size:.9rem}
.notes b{color:var(--ink);font-weight:600}
.findings{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:1.1rem 1.6rem;margin:0 0 1.7rem}
.finding dt{color:var(--soft);font-size:.84rem}
.finding dd{margin:0}
.finding b{display:block;font-size:1.08rem;font-weight:640;line-height:1.35}
.finding b::before{content:"\25cb";margin-right:.4em;font-size:.8em}
.good b{color:var(--good)}.bad b{color:var(--bad)}
.good b::before{content:"\25cf"}.bad b::before{content:"\25b2"}
.finding span{font-size:.84rem;color:var(--soft)}
.scroll{overflow-x:auto;max-width:100%;margin:.6rem 0 .9rem}
.small{max-width:38rem}
table{border-collapse:separate;border-spacing:0;min-width:100%;font-size:.9rem}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{padding:.34rem .7rem;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top;font-weight:400}
.num{text-align:right;white-space:nowrap}
thead .num{white-space:normal}
thead th{color:var(--soft);font-size:.8rem;vertical-align:bottom;border-bottom-color:var(--zero)}
th:first-child{padding-left:0;position:sticky;left:0;background:var(--bg);z-index:1}
tbody th .note,td .note{display:block}
a{color:var(--link)}
td b{font-weight:640}

.none{color:var(--soft)}
.group th{padding-top:1.05rem;font-weight:640}
.group span{position:sticky;left:0}
.heat{padding:.34rem .5rem;border-bottom-color:var(--bg);border-right:1px solid var(--bg)}
.above{background:rgb(var(--blue)/var(--a))}.below{background:rgb(var(--orange)/var(--a))}
.picture{padding-top:.42rem}
.interval{width:100px;height:18px;display:block;margin-left:auto}
.interval .reach{stroke:var(--soft);stroke-width:2}.interval .zero{stroke:var(--zero);stroke-width:1}
.interval circle{fill:var(--int8)}
pre{background:var(--faint);padding:1rem 1.1rem;border-radius:4px;font-size:.82rem;line-height:1.5}
code,pre{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.7rem 1.6rem;margin:.6rem 0 1rem}
.facts dt{color:var(--soft);font-size:.8rem}
.facts dd{margin:0}
.facts .wide{grid-column:1/-1}
.facts code{font-size:.82rem}
figure{margin:1.2rem 0 1.7rem;min-width:0}
figcaption{margin-bottom:.35rem;line-height:1.4}
figcaption b{font-weight:620;margin-right:.7em}
figcaption .note{margin-right:.9em}
.legend{list-style:none;margin:.1rem 0 .75rem;padding:0;display:flex;flex-wrap:wrap;gap:.15rem 1.15rem;font-size:.84rem}
.key{display:flex;align-items:center;gap:.4rem}
.key button{all:unset;display:flex;align-items:center;gap:.4rem;cursor:pointer}
.key button:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.key.off{opacity:.42}.key.off span{text-decoration:line-through}
.key output{color:var(--soft)}
.when{color:var(--soft);margin-left:auto}
.swatch{width:22px;height:8px;flex:none;overflow:visible}
.plot{display:grid;grid-template-columns:3.3rem minmax(0,1fr);grid-template-rows:var(--h) 1.5rem}
.y{position:relative;font-size:.75rem;color:var(--soft)}
.y span{position:absolute;right:.55rem;transform:translateY(-50%);white-space:nowrap}
.canvas{position:relative;touch-action:pan-y}
.canvas>svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible;display:block}
.x{grid-column:2;position:relative;font-size:.75rem;color:var(--soft)}
.x span{position:absolute;top:.3rem;transform:translateX(-50%);white-space:nowrap}
.x .first{transform:none}.x .last{transform:translateX(-100%)}
.cursor{position:absolute;top:0;bottom:0;width:1px;background:var(--soft);pointer-events:none}
svg path{vector-effect:non-scaling-stroke;fill:none}
svg .grid{stroke:var(--grid);stroke-width:1}svg .zero{stroke:var(--zero);stroke-width:1}
svg .line{stroke:var(--c);stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
svg .line.c-float32{stroke-width:5}svg .line.c-ridge{stroke-dasharray:7 4}svg .line.c-equal{stroke-dasharray:1.5 4;stroke-width:2}
svg .line.c-bench{stroke-dasharray:9 4 2 4}svg .line.dash1{stroke-dasharray:5 4;stroke-width:1.8}
svg .line.dash2{stroke-dasharray:1.5 4;stroke-width:2}
svg .area{fill:var(--c);fill-opacity:.14}
svg .bar{fill:var(--c)}svg .block{stroke:var(--c);stroke-width:9}
svg .dots{stroke:var(--c);stroke-width:6.5;stroke-linecap:round}svg .dots.c-float32{stroke-width:10}
svg .whisker{stroke:var(--c);stroke-width:1.4}svg .whisker.on-bar{stroke:var(--ink);stroke-opacity:.75}
svg .off{display:none}
.c-float32{--c:var(--float32)}.c-int8{--c:var(--int8)}.c-ridge{--c:var(--ridge)}.c-equal{--c:var(--equal)}
.c-bench{--c:var(--bench)}.c-s0{--c:var(--s0)}.c-s1{--c:var(--s1)}.c-s2{--c:var(--s2)}.c-s3{--c:var(--s3)}
.c-s4{--c:var(--s4)}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.4rem 2rem}
.histogram{margin:.6rem 0}
.histogram svg{width:100%;height:96px;display:block;border-bottom:1px solid var(--zero)}
.histogram figcaption b{display:block;font-size:.84rem;overflow-wrap:anywhere}
.histogram p{margin:.1rem 0 0}.histogram p span{white-space:nowrap}
.histogram .band{fill:rgb(var(--blue)/.13)}.histogram .edge{stroke:var(--int8);stroke-width:1.4}
.ends{display:flex;justify-content:space-between;font-size:.75rem;color:var(--soft)}
@media (max-width:56rem){
body{display:block;font-size:15px}
nav{height:auto;padding:0;background:var(--bg);border-bottom:1px solid var(--rule);overflow-x:auto;z-index:5}
nav ul{display:flex;padding:0 .6rem;width:max-content}
nav a{border:0;border-bottom:2px solid transparent;padding:.6rem .65rem;white-space:nowrap}
main{padding:1.3rem 1rem 4rem}
h1{font-size:1.5rem}
section{scroll-margin-top:3rem;margin-top:1.8rem;padding-top:1.3rem}
th,td{padding:.34rem .5rem}
tbody th,thead th:first-child{max-width:7.5rem;min-width:6rem}
td .note{white-space:normal}
.group th{max-width:none}.months tbody th,.months thead th:first-child{min-width:3rem}
.plot{grid-template-columns:2.9rem minmax(0,1fr)}
.minor{display:none}
}
@media print{
:root{--bg:#fff;--ink:#000;--soft:#444;--rule:#ccc;--grid:#e2e2e2;--float32:#5b93e0;--int8:#b93c0a;--ridge:#00776a;
--equal:#7c4fae;--bench:#69717b}
body{display:block;font-size:10pt}nav,.cursor{display:none}main{max-width:none;padding:0}
figure,.finding,tr{break-inside:avoid}h2,h3{break-after:avoid}.scroll{overflow:visible}
.heat,.bar,.band{print-color-adjust:exact;-webkit-print-color-adjust:exact}pre{white-space:pre-wrap}
}
)css";

// Hover and arrow keys move the read-out; a legend entry hides its line; the navigation marks where the reader is.
constexpr std::string_view kScript = R"js(
(function(){"use strict";
document.querySelectorAll("figure.chart").forEach(function(figure){
  var source=figure.querySelector("script"),canvas=figure.querySelector(".canvas");
  if(!source||!canvas)return;
  var data=JSON.parse(source.textContent),outputs=figure.querySelectorAll(".legend output"),at=data.x.length-1;
  var resting=Array.prototype.map.call(outputs,function(o){return o.textContent;});
  var cursor=document.createElement("div");cursor.className="cursor";cursor.hidden=true;canvas.appendChild(cursor);
  function show(i){
    at=i;cursor.hidden=false;cursor.style.left=data.x[i]*100+"%";
    outputs.forEach(function(o,k){o.textContent=k<data.lines.length?data.lines[k][i]:data.names[i];});
  }
  function rest(){cursor.hidden=true;outputs.forEach(function(o,k){o.textContent=resting[k];});}
  function nearest(x){
    var low=0,high=data.x.length-1;
    while(low<high){var mid=(low+high)>>1;if(data.x[mid]<x)low=mid+1;else high=mid;}
    return low>0&&x-data.x[low-1]<data.x[low]-x?low-1:low;
  }
  canvas.addEventListener("pointermove",function(e){
    var box=canvas.getBoundingClientRect();show(nearest((e.clientX-box.left)/box.width));});
  canvas.addEventListener("pointerleave",rest);
  canvas.tabIndex=0;
  canvas.addEventListener("blur",rest);
  canvas.addEventListener("keydown",function(e){
    var step=e.key==="ArrowRight"?1:e.key==="ArrowLeft"?-1:0;
    if(!step)return;
    e.preventDefault();show(Math.min(data.x.length-1,Math.max(0,at+step)));});
  figure.querySelectorAll(".key").forEach(function(key){
    var button=document.createElement("button");
    button.type="button";button.setAttribute("aria-pressed","true");
    while(key.firstChild)button.appendChild(key.firstChild);
    key.appendChild(button);
    button.addEventListener("click",function(){
      var off=key.classList.toggle("off");
      button.setAttribute("aria-pressed",String(!off));
      canvas.querySelectorAll('[data-line="'+key.dataset.line+'"]').forEach(function(mark){
        mark.classList.toggle("off",off);});
    });
  });
});
if("IntersectionObserver" in window){
  var links={};
  document.querySelectorAll("nav a").forEach(function(a){links[a.hash.slice(1)]=a;});
  var observer=new IntersectionObserver(function(entries){
    entries.forEach(function(entry){
      if(!entry.isIntersecting||!links[entry.target.id])return;
      Object.keys(links).forEach(function(id){links[id].classList.toggle("here",id===entry.target.id);});
    });
  },{rootMargin:"-20% 0px -70% 0px"});
  document.querySelectorAll("section").forEach(function(section){observer.observe(section);});
}
})();
)js";

}  // namespace

std::string_view style_sheet() { return kStyle; }
std::string_view script() { return kScript; }

}  // namespace quantick::report
