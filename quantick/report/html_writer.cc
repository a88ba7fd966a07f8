#include "quantick/report/html_writer.h"

#include <fmt/format.h>

#include "quantick/core/file.h"
#include "quantick/report/format.h"
#include "quantick/report/sections.h"
#include "quantick/report/style.h"

namespace quantick::report {
namespace {

const std::string kUntitled = "Report";

std::vector<Section> sections(const ReportData& data) {
  std::vector<Section> all{verdict_section(data),     equity_section(data),       monthly_section(data),
                           costs_section(data),       trading_section(data),      signal_section(data),
                           quantiles_section(data),   paired_section(data),       layers_section(data),
                           calibration_section(data), training_section(data),     data_section(data),
                           record_section(data),      configuration_section(data)};
  std::erase_if(all, [](const Section& section) { return section.html.empty(); });
  return all;
}

std::string header(const ReportData& data) {
  std::string out = fmt::format("<header><h1>{}</h1>", escape(data.title.empty() ? kUntitled : data.title));
  std::string line;
  for (const std::string* part : {&data.run_name, &data.period, &data.created}) {
    if (!part->empty()) line += fmt::format("<span>{}</span>", escape(*part));
  }
  if (!line.empty()) out += "<p class=\"run\">" + line + "</p>";
  if (!data.summary.empty()) out += fmt::format("<p class=\"summary\">{}</p>", escape(data.summary));
  if (!data.warnings.empty()) {
    out += "<ul class=\"warnings\" aria-label=\"Warnings\">";
    for (const std::string& warning : data.warnings) out += fmt::format("<li>{}</li>", escape(warning));
    out += "</ul>";
  }
  return out + "</header>";
}

std::string navigation(const std::vector<Section>& sections) {
  if (sections.empty()) return "";
  std::string out = "<nav aria-label=\"Sections\"><ul>";
  for (const Section& section : sections) {
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>", section.id, escape(section.title));
  }
  return out + "</ul></nav>";
}

}  // namespace

std::string to_html(const ReportData& data) {
  validate(data);
  const std::vector<Section> parts = sections(data);
  std::string title = data.title.empty() ? kUntitled : data.title;
  if (!data.run_name.empty()) title += " \u00B7 " + data.run_name;
  // The policy forbids every request; the empty icon keeps a browser from asking a server for one.
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'; img-src data:\">\n<link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n"
      "<style>{}</style>\n</head>\n<body>\n{}\n<main>\n{}\n",
      escape(title), style_sheet(), navigation(parts), header(data));
  for (const Section& part : parts) {
    out += fmt::format(
        "<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h2 id=\"{0}-title\">{1}</h2>\n{2}\n</section>\n", part.id,
        escape(part.title), part.html);
  }
  out += fmt::format("</main>\n<script>{}</script>\n</body>\n</html>\n", script());
  return out;
}

void write_html(const ReportData& data, const std::string& path) { write_file(path, to_html(data)); }

}  // namespace quantick::report
