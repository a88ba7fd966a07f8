#include "quantick/report/table.h"

#include <fmt/format.h>

#include "quantick/report/format.h"

namespace quantick::report {
namespace {

constexpr size_t kSmallColumns = 3;  // so few columns stretched over the page would part names from their numbers

}  // namespace

Table::Table(std::string_view caption, std::string_view style) : caption_(escape(caption)), style_(style) {}

Table& Table::head(const std::vector<std::string>& titles, size_t text_columns) {
  columns_ = titles.size();
  head_ = "<thead><tr>";
  for (size_t i = 0; i < titles.size(); ++i) {
    head_ += fmt::format("<th scope=\"col\"{}>{}</th>", i < text_columns ? "" : " class=\"num\"", escape(titles[i]));
  }
  head_ += "</tr></thead>";
  return *this;
}

Table& Table::group(std::string_view title) {
  close_row();
  if (!body_.empty()) body_ += "</tbody><tbody>";
  body_ += fmt::format("<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"{}\"><span>{}</span></th></tr>", columns_,
                       escape(title));
  return *this;
}

Table& Table::row(std::string_view name, std::string_view note, std::string_view link) {
  close_row();
  body_ += fmt::format("<tr><th scope=\"row\">{}", escape(name));
  if (!note.empty()) body_ += fmt::format("<span class=\"note\">{}</span>", escape(note));
  if (!link.empty()) body_ += fmt::format("<a class=\"note\" href=\"#{0}\">{0}</a>", link);
  body_ += "</th>";
  row_open_ = true;
  ++rows_;
  return *this;
}

Table& Table::number(std::string_view formatted, std::string_view note) {
  body_ += fmt::format("<td class=\"num\">{}", formatted);
  if (!note.empty()) body_ += fmt::format("<span class=\"note\">{}</span>", note);
  body_ += "</td>";
  return *this;
}

Table& Table::text(std::string_view text) {
  body_ += fmt::format("<td>{}</td>", escape(text));
  return *this;
}

Table& Table::cell(std::string_view html) {
  body_ += html;
  return *this;
}

void Table::close_row() {
  if (row_open_) body_ += "</tr>";
  row_open_ = false;
}

std::string Table::html() const {
  if (empty()) return "";
  return fmt::format(
      "<div class=\"scroll {4}\" role=\"region\" aria-label=\"{0}\" tabindex=\"0\"><table><caption>{0}</caption>{1}"
      "<tbody>{2}{3}</tbody></table></div>",
      caption_, head_, body_, row_open_ ? "</tr>" : "", columns_ <= kSmallColumns ? "small" : style_);
}

}  // namespace quantick::report
