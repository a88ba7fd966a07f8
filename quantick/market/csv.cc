#include "quantick/market/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

#include "quantick/core/error.h"
#include "quantick/core/hash.h"
#include "quantick/market/byte_source.h"
#include "quantick/market/text.h"

namespace quantick::market {
namespace {

bool is_missing(std::string_view text) {
  constexpr std::array<std::string_view, 7> kWords = {"nan", "na", "n/a", "#n/a", "null", "none", "-nan"};
  if (text.empty()) return true;
  if (text.size() > 4) return false;
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

}  // namespace

struct CsvReader::State {
  explicit State(const std::string& file) : path(file), source("csv", file) {}

  std::string path;
  ByteSource source;
  std::string_view bytes;  // not yet consumed part of the current chunk
  std::string record;      // the current record without quotes, cells end to end
  struct Extent {
    size_t begin, end;
    bool was_quoted;
  };
  std::vector<Extent> extents;  // of the cells in `record`
  std::vector<std::string_view> cells;
  std::vector<std::string> header;
  char separator = ',';
  int64_t line = 0;       // where the current record begins
  int64_t next_line = 1;  // the line that the next byte belongs to

  /// The next byte, or -1 at the end.
  int peek() {
    if (bytes.empty()) bytes = source.next();
    return bytes.empty() ? -1 : static_cast<unsigned char>(bytes[0]);
  }

  int take() {
    const int c = peek();
    if (c < 0) return c;
    bytes.remove_prefix(1);
    if (c == '\n') ++next_line;
    QTK_CHECK(c != 0, FormatError, "[csv] {}:{}: a NUL byte, expected text (UTF-8 or ASCII, not UTF-16 or binary)",
              path, next_line);
    return c;
  }

  /// Reads one record into `record` and `extents`; false at the end of the file.
  bool read_record() {
    while (peek() == '\n' || peek() == '\r') take();
    if (peek() < 0) return false;
    line = next_line;
    record.clear();
    extents.clear();
    for (bool more = true; more;) more = read_cell();
    return true;
  }

  /// One cell; true where another follows in the same record.
  bool read_cell() {
    const size_t begin = record.size();
    bool was_quoted = false;
    while (peek() == ' ' || (peek() == '\t' && separator != '\t')) take();
    if (peek() == '"') {
      take();
      was_quoted = true;
      for (;;) {
        const int c = take();
        QTK_CHECK(c >= 0, ParseError, "[csv] {}:{}: a quote (\") is opened and never closed", path, line);
        if (c == '"') {
          if (peek() != '"') break;
          take();
        }
        record += static_cast<char>(c);
      }
      while (peek() == ' ' || (peek() == '\t' && separator != '\t')) take();
      const int c = peek();
      QTK_CHECK(c < 0 || c == separator || c == '\n' || c == '\r', ParseError,
                "[csv] {}:{}: cell {}: text after the closing quote, expected '{}' or the end of the line", path, line,
                extents.size() + 1, separator);
    } else {
      while (peek() >= 0 && peek() != separator && peek() != '\n' && peek() != '\r') {
        record += static_cast<char>(take());
      }
    }
    extents.push_back({begin, record.size(), was_quoted});
    const int c = take();
    if (c == '\r' && peek() == '\n') take();
    return c == separator;
  }

  void point_cells() {
    cells.clear();
    for (const Extent& e : extents) {
      const std::string_view cell(record.data() + e.begin, e.end - e.begin);
      cells.push_back(e.was_quoted ? cell : trim(cell));
    }
  }

  /// The separator is the candidate that the first line holds most of, ',' where none is there.
  void find_separator() {
    const std::string_view first = bytes.substr(0, bytes.find('\n'));
    int64_t most = 0;
    for (const char candidate : {',', ';', '\t'}) {
      const int64_t count = std::count(first.begin(), first.end(), candidate);
      if (count > most) most = count, separator = candidate;
    }
  }

  void read_header() {
    QTK_CHECK(peek() >= 0, ParseError, "[csv] {}: the file is empty, expected a header line with column names", path);
    QTK_CHECK(!bytes.starts_with("\xff\xfe") && !bytes.starts_with("\xfe\xff"), FormatError,
              "[csv] {}: the file is UTF-16, expected UTF-8; save it again as UTF-8", path);
    if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
    find_separator();
    QTK_CHECK(read_record(), ParseError, "[csv] {}: the file is blank, expected a header line with column names", path);
    point_cells();
    std::set<std::string_view> seen;
    for (const auto& cell : cells) {
      QTK_CHECK(cell.empty() || seen.insert(cell).second, ParseError,
                "[csv] {}:{}: two columns are called {}, expected every name once", path, line, shown(cell));
      header.emplace_back(trim(cell));
    }
  }
};

CsvReader::CsvReader(const std::string& path) : state_(std::make_unique<State>(path)) { state_->read_header(); }
CsvReader::~CsvReader() = default;

const std::string& CsvReader::path() const { return state_->path; }
const std::vector<std::string>& CsvReader::header() const { return state_->header; }
std::string CsvReader::sha256() const { return Sha256().update(state_->source.file().bytes()).hex(); }
std::span<const std::string_view> CsvReader::cells() const { return state_->cells; }
int64_t CsvReader::line() const { return state_->line; }

bool CsvReader::next() {
  if (!state_->read_record()) return false;
  state_->point_cells();
  QTK_CHECK(state_->cells.size() == state_->header.size(), ParseError,
            "[csv] {}:{}: {} cells, expected {} as in the header", state_->path, state_->line, state_->cells.size(),
            state_->header.size());
  return true;
}

std::string CsvReader::where(size_t column) const {
  return fmt::format("{}: column {}", place(state_->line), shown(state_->header[column]));
}

std::string CsvReader::line_name(int64_t line) const { return fmt::format("line {}", line); }

std::string CsvReader::place(int64_t line) const { return fmt::format("{}:{}", state_->path, line); }

std::optional<Date> CsvReader::date(size_t column) { return Date::try_parse(cells()[column]); }

std::optional<int32_t> CsvReader::time_of_day(size_t column) {
  const std::string_view text = cells()[column];
  if (const auto time = try_parse_time(text)) return time;
  const size_t behind = text.find_first_of(" T");
  return behind == std::string_view::npos ? std::nullopt : try_parse_time(text.substr(behind + 1));
}

double CsvReader::number(size_t column) { return parse_number(*this, column); }

double parse_number(const CsvReader& csv, size_t column) {
  std::string_view text = trim(csv.cells()[column]);
  if (is_missing(text)) return std::numeric_limits<double>::quiet_NaN();
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    fail<ParseError>("[csv] {}: was {}, expected a finite number or an empty cell", csv.where(column),
                     shown(csv.cells()[column]));
  }
  return value;
}

}  // namespace quantick::market
