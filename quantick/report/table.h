#pragma once
// Tables of the HTML report. Each stands in a box that scrolls sideways by itself, so that the page never does.
#include <string>
#include <string_view>
#include <vector>

namespace quantick::report {

class Table {
 public:
  /// `caption` names the table for those who cannot see where it stands; `style` is a class of the style sheet.
  explicit Table(std::string_view caption, std::string_view style = "");

  /// Column heads; those after the first `text_columns` are set right, above numbers.
  Table& head(const std::vector<std::string>& titles, size_t text_columns = 1);
  /// A row that names the rows below it.
  Table& group(std::string_view title);
  /// Starts a row; `note` stands small under its name, then a link to the element of this page with the id `link`.
  Table& row(std::string_view name, std::string_view note = "", std::string_view link = "");
  /// Cells of the row that was started: a number (already formatted), text to be escaped, ready HTML of a whole cell.
  Table& number(std::string_view formatted, std::string_view note = "");
  Table& text(std::string_view text);
  Table& cell(std::string_view html);

  bool empty() const { return rows_ == 0; }
  std::string html() const;

 private:
  void close_row();
  std::string caption_;
  std::string_view style_;
  std::string head_;
  std::string body_;
  size_t columns_ = 1;
  size_t rows_ = 0;
  bool row_open_ = false;
};

}  // namespace quantick::report
