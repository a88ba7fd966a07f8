#include "quantick/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "quantick/report/chart_scale.h"
#include "quantick/report/format.h"

namespace quantick::report {
namespace {

constexpr size_t kMostPoints = 600;    // per line in the picture
constexpr size_t kMostReadOuts = 360;  // positions the hover read-out stops at
constexpr size_t kMostBars = 150;      // more bars than this are drawn as lines
constexpr size_t kMostDots = 40;       // more points than this are a line without dots
constexpr size_t kScaleColours = 5;    // c-s0 .. c-s4 in the style sheet
constexpr double kGroupWidth = 0.8;    // of a band, the rest is air
constexpr double kWideFactor = 5;

/// What both kinds of chart draw.
struct Trace {
  std::string label;
  std::string classes;  // colour and dash
  Role role;
  const std::vector<double>* values;
  std::vector<double> low;
  std::vector<double> high;
};

auto append(std::string& out) { return std::back_inserter(out); }

/// Colours by role; the second line of one colour is dashed, the third dotted.
std::vector<std::string> line_classes(const std::vector<Role>& roles) {
  const auto others = static_cast<size_t>(std::count(roles.begin(), roles.end(), Role::kOther));
  std::map<std::string, size_t> used;
  std::vector<std::string> classes;
  size_t place = 0;
  for (const Role role : roles) {
    const std::string colour = colour_class(role, place, others);
    if (role == Role::kOther) ++place;
    const size_t repeat = std::min<size_t>(used[colour]++, 2);
    classes.push_back(repeat == 0 ? colour : fmt::format("{} dash{}", colour, repeat));
  }
  return classes;
}

/// float32 is a wide line and int8 a narrow one drawn later, so that both are seen where they coincide.
int drawing_order(Role role) {
  if (role == Role::kFloat32) return 1;
  return role == Role::kInt8 ? 2 : 0;
}

std::vector<size_t> drawing_order(const std::vector<Trace>& traces) {
  std::vector<size_t> order = even_indices(traces.size(), traces.size());
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return drawing_order(traces[a].role) < drawing_order(traces[b].role); });
  return order;
}

double x_of(size_t index, size_t size, bool bands) {
  const double share = bands ? (static_cast<double>(index) + 0.5) / static_cast<double>(size)
                             : (size < 2 ? 0.5 : static_cast<double>(index) / static_cast<double>(size - 1));
  return share * kCanvas;
}

/// The line as SVG path data; a point alone between gaps becomes a dot (a line of no length with a round cap).
std::string path_of(const std::vector<double>& values, const Axis& axis, bool bands) {
  std::string path;
  bool pen_down = false;
  for (const size_t i : thin(values, kMostPoints)) {
    if (!std::isfinite(values[i])) {
      pen_down = false;
      continue;
    }
    fmt::format_to(append(path), "{}{:.1f} {:.1f}{}", pen_down ? 'L' : 'M', x_of(i, values.size(), bands),
                   axis.place(values[i]), pen_down ? "" : "h0");
    pen_down = true;
  }
  return path;
}

/// Closed shapes between the line and zero, one per stretch without a gap.
std::string area_of(const std::vector<double>& values, const Axis& axis) {
  const double zero = axis.place(0);
  std::string path;
  double last_x = 0;
  bool open = false;
  const auto close = [&] {
    if (open) fmt::format_to(append(path), "L{:.1f} {:.1f}Z", last_x, zero);
    open = false;
  };
  for (const size_t i : thin(values, kMostPoints)) {
    if (!std::isfinite(values[i])) {
      close();
      continue;
    }
    last_x = x_of(i, values.size(), false);
    if (!open) fmt::format_to(append(path), "M{:.1f} {:.1f}", last_x, zero);
    fmt::format_to(append(path), "L{:.1f} {:.1f}", last_x, axis.place(values[i]));
    open = true;
  }
  close();
  return path;
}

void draw_bars(std::string& svg, const std::vector<Trace>& traces, const Axis& axis) {
  const double zero = axis.place(0);
  for (size_t t = 0; t < traces.size(); ++t) {
    const auto& values = *traces[t].values;
    const double band = kCanvas / static_cast<double>(values.size());
    const double width = band * kGroupWidth / static_cast<double>(traces.size());
    std::string path;
    for (size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i])) continue;
      const double left = band * (static_cast<double>(i) + (1 - kGroupWidth) / 2) + width * static_cast<double>(t);
      fmt::format_to(append(path), "M{:.1f} {:.1f}H{:.1f}V{:.1f}H{:.1f}Z", left, zero, left + width * 0.94,
                     axis.place(values[i]), left);
    }
    fmt::format_to(append(svg), "<path class=\"bar {}\" data-line=\"{}\" d=\"{}\"/>", traces[t].classes, t, path);
  }
}

void draw_whiskers(std::string& svg, const std::vector<Trace>& traces, const Axis& axis, bool bars) {
  for (size_t t = 0; t < traces.size(); ++t) {
    const Trace& trace = traces[t];
    const double band = kCanvas / static_cast<double>(std::max<size_t>(trace.low.size(), 1));
    // Lines of one band stand a little apart, or their whiskers would cover each other.
    const double count = static_cast<double>(traces.size());
    const double place = (static_cast<double>(t) + 0.5) / count - 0.5;
    std::string path;
    for (size_t i = 0; i < trace.low.size(); ++i) {
      if (!std::isfinite(trace.low[i]) || !std::isfinite(trace.high[i])) continue;
      const double x = band * (static_cast<double>(i) + 0.5 + place * (bars ? kGroupWidth : 0.16));
      fmt::format_to(append(path), "M{:.1f} {:.1f}V{:.1f}", x, axis.place(trace.low[i]), axis.place(trace.high[i]));
    }
    if (!path.empty()) {
      fmt::format_to(append(svg), "<path class=\"whisker {}{}\" data-line=\"{}\" d=\"{}\"/>", trace.classes,
                     bars ? " on-bar" : "", t, path);
    }
  }
}

std::string dots_of(const std::vector<double>& values, const Axis& axis) {
  std::string path;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    fmt::format_to(append(path), "M{:.1f} {:.1f}h0", x_of(i, values.size(), true), axis.place(values[i]));
  }
  return path;
}

void draw_grid(std::string& svg, const Axis& axis) {
  for (const double tick : axis.ticks) {
    fmt::format_to(append(svg), "<path class=\"{}\" d=\"M0 {:.1f}H1000\"/>", tick == 0 ? "zero" : "grid",
                   axis.place(tick));
  }
}

/// With `names`, the read-out starts at the last of them, so that it says something without the script too.
std::string legend(const std::vector<Trace>& traces, const std::vector<std::string>* names,
                   const ChartOptions& options) {
  std::string out = "<ul class=\"legend\">";
  for (size_t i = 0; i < traces.size(); ++i) {
    const std::string last = names != nullptr ? format_value(traces[i].values->back(), options.unit) : "";
    const char* mark = options.mark == Mark::kBar ? "block" : "line";
    fmt::format_to(append(out),
                   "<li class=\"key\" data-line=\"{}\"><svg class=\"swatch\" viewBox=\"0 0 20 8\" aria-hidden=\"true\">"
                   "<path class=\"{} {}\" d=\"M1 4H19\"/></svg><span>{}</span><output>{}</output></li>",
                   i, mark, traces[i].classes, escape(traces[i].label), last);
  }
  const std::string when = names != nullptr ? escape(names->back()) : "";
  return out + "<li class=\"when\"><output>" + when + "</output></li></ul>";
}

std::string spoken(const std::vector<Trace>& traces, const std::vector<std::string>& names,
                   const ChartOptions& options) {
  std::string out = options.title;
  if (!names.empty()) out += fmt::format(", {} to {}", names.front(), names.back());
  for (const Trace& trace : traces) {
    const auto last =
        std::find_if(trace.values->rbegin(), trace.values->rend(), [](double v) { return std::isfinite(v); });
    if (last != trace.values->rend())
      out += fmt::format("; {} ends at {}", trace.label, format_value(*last, options.unit));
  }
  return out;
}

/// What the script needs: positions in 0..1, their names, and the texts of every line there.
std::string read_out(const std::vector<Trace>& traces, const std::vector<std::string>& names, bool bands, Unit unit) {
  const std::vector<size_t> stops = even_indices(names.size(), kMostReadOuts);
  std::string x;
  std::string labels;
  for (const size_t i : stops) {
    const char* comma = x.empty() ? "" : ",";
    fmt::format_to(append(x), "{}{:.4f}", comma, x_of(i, names.size(), bands) / kCanvas);
    labels += comma + script_string(names[i]);
  }
  std::string lines;
  for (const Trace& trace : traces) {
    lines += lines.empty() ? "[" : ",[";
    for (size_t s = 0; s < stops.size(); ++s) {
      lines += (s == 0 ? "" : ",") + script_string(format_value((*trace.values)[stops[s]], unit));
    }
    lines += "]";
  }
  return fmt::format("<script type=\"application/json\">{{\"x\":[{}],\"names\":[{}],\"lines\":[{}]}}</script>", x,
                     labels, lines);
}

std::string frame(const ChartOptions& options, const std::string& key, const std::string& svg, const Axis& axis,
                  const std::vector<Tick>& ticks, const std::string& aria, const std::string& data) {
  std::string out = fmt::format("<figure class=\"chart\"><figcaption><b>{}</b>", escape(options.title));
  if (!options.note.empty()) fmt::format_to(append(out), "<span class=\"note\">{}</span>", escape(options.note));
  if (options.unit == Unit::kBasisPoints) out += "<span class=\"note\">in basis points</span>";
  if (axis.log) out += "<span class=\"note\">logarithmic scale</span>";
  fmt::format_to(append(out),
                 "</figcaption>{}<div class=\"plot\" style=\"--h:{}px\"><div class=\"y\" aria-hidden=\"true\">", key,
                 options.height);
  const std::vector<std::string> labels = tick_labels(axis, options.unit);
  for (size_t i = 0; i < labels.size(); ++i) {
    fmt::format_to(append(out), "<span style=\"top:{:.2f}%\">{}</span>", axis.place(axis.ticks[i]) / kCanvas * 100,
                   labels[i]);
  }
  fmt::format_to(append(out),
                 "</div><div class=\"canvas\"><svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" role=\"img\" "
                 "aria-label=\"{}\">{}</svg></div><div class=\"x\" aria-hidden=\"true\">",
                 escape(aria), svg);
  for (const Tick& tick : ticks) {
    fmt::format_to(append(out), "<span class=\"{}{}\" style=\"left:{:.2f}%\">{}</span>", tick.minor ? "minor" : "",
                   tick.position < 0.04 ? " first" : (tick.position > 0.96 ? " last" : ""), tick.position * 100,
                   escape(tick.label));
  }
  return out + "</div></div>" + data + "</figure>";
}

Axis axis_of(double low, double high, const ChartOptions& options) {
  if (options.log_if_wide && low > 0 && high > kWideFactor * low) return log_axis(low, high);
  if (options.include_zero || options.mark != Mark::kLine) {
    low = std::min(low, 0.0);
    high = std::max(high, 0.0);
  }
  return linear_axis(low, high, options.unit);
}

std::vector<const std::vector<double>*> all_values(const std::vector<Trace>& traces) {
  std::vector<const std::vector<double>*> out;
  for (const Trace& trace : traces) {
    out.push_back(trace.values);
    out.push_back(&trace.low);
    out.push_back(&trace.high);
  }
  return out;
}

}  // namespace

std::string colour_class(Role role, size_t place, size_t count) {
  switch (role) {
    case Role::kFloat32:
      return "c-float32";
    case Role::kInt8:
      return "c-int8";
    case Role::kRidge:
      return "c-ridge";
    case Role::kEqualWeight:
      return "c-equal";
    case Role::kBenchmark:
      return "c-bench";
    case Role::kOther:
      break;
  }
  const size_t colour = count < 2 ? 0 : (place * (kScaleColours - 1) + (count - 1) / 2) / (count - 1);
  return fmt::format("c-s{}", colour);
}

std::string date_chart(const Panel& panel, const ChartOptions& options) {
  std::vector<Role> roles;
  for (const Line& line : panel.lines) roles.push_back(line.role);
  const std::vector<std::string> classes = line_classes(roles);
  std::vector<Trace> traces;
  for (size_t i = 0; i < panel.lines.size(); ++i) {
    traces.push_back({panel.lines[i].label, classes[i], panel.lines[i].role, &panel.lines[i].values, {}, {}});
  }
  double low = 0;
  double high = 0;
  if (!finite_range(all_values(traces), low, high)) return "";
  ChartOptions shown = options;
  if (shown.mark == Mark::kBar && panel.dates.size() * traces.size() > kMostBars) {
    shown.mark = Mark::kLine;
    shown.include_zero = true;
  }
  const bool bars = shown.mark == Mark::kBar;
  const Axis axis = axis_of(low, high, shown);
  std::string svg;
  draw_grid(svg, axis);
  if (bars) {
    draw_bars(svg, traces, axis);
  } else {
    for (const size_t t : drawing_order(traces)) {
      if (shown.mark == Mark::kArea && t == 0) {
        fmt::format_to(append(svg), "<path class=\"area {}\" d=\"{}\"/>", classes[t], area_of(*traces[t].values, axis));
      }
      fmt::format_to(append(svg), "<path class=\"line {}\" data-line=\"{}\" d=\"{}\"/>", classes[t], t,
                     path_of(*traces[t].values, axis, false));
    }
  }
  return frame(shown, legend(traces, &panel.dates, shown), svg, axis, date_ticks(panel.dates, bars),
               spoken(traces, panel.dates, shown), read_out(traces, panel.dates, bars, shown.unit));
}

std::string category_chart(const std::vector<std::string>& names, const std::vector<EstimateLine>& lines,
                           const ChartOptions& options) {
  std::vector<Role> roles;
  for (const EstimateLine& line : lines) roles.push_back(line.role);
  const std::vector<std::string> classes = line_classes(roles);
  std::vector<std::vector<double>> values(lines.size());
  std::vector<Trace> traces;
  for (size_t i = 0; i < lines.size(); ++i) {
    Trace trace{lines[i].label, classes[i], lines[i].role, &values[i], {}, {}};
    for (const Estimate& e : lines[i].values) {
      values[i].push_back(e.value);
      trace.low.push_back(e.low);
      trace.high.push_back(e.high);
    }
    traces.push_back(std::move(trace));
  }
  double low = 0;
  double high = 0;
  if (!finite_range(all_values(traces), low, high)) return "";
  const bool bars = options.mark == Mark::kBar;
  const Axis axis = axis_of(low, high, options);
  std::string svg;
  draw_grid(svg, axis);
  if (bars) draw_bars(svg, traces, axis);
  draw_whiskers(svg, traces, axis, bars);
  for (const size_t t : drawing_order(traces)) {
    if (bars) break;
    fmt::format_to(append(svg), "<path class=\"line {}\" data-line=\"{}\" d=\"{}\"/>", classes[t], t,
                   path_of(values[t], axis, true));
    if (names.size() > kMostDots) continue;
    fmt::format_to(append(svg), "<path class=\"dots {}\" data-line=\"{}\" d=\"{}\"/>", classes[t], t,
                   dots_of(values[t], axis));
  }
  return frame(options, legend(traces, nullptr, options), svg, axis, label_ticks(names, true),
               spoken(traces, names, options), read_out(traces, names, true, options.unit));
}

}  // namespace quantick::report
