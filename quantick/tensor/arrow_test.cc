#include "quantick/tensor/arrow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/tensor/arrow_format.h"

namespace quantick {
namespace {

template <class E, class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another exception: " << error.what();
    return "";
  }
  return "accepted";
}

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

/// A schema and an array that count how often they are released; what they point at belongs to the test.
struct Foreign {
  explicit Foreign(const char* format, int64_t rows = 0) {
    schema.format = format;
    schema.name = "x";
    schema.release = [](ArrowSchema* s) { ++*static_cast<int*>(s->private_data), s->release = nullptr; };
    schema.private_data = &schema_releases;
    array.length = rows;
    array.n_buffers = 2;
    array.buffers = buffers;
    array.release = [](ArrowArray* a) { ++*static_cast<int*>(a->private_data), a->release = nullptr; };
    array.private_data = &array_releases;
  }
  ArrowColumn read() { return ArrowTable::read(schema, array).columns().front(); }

  ArrowSchema schema{};
  ArrowArray array{};
  const void* buffers[8] = {};
  int schema_releases = 0, array_releases = 0;
};

TEST(Arrow, LooksAtNumbersWhereTheyLie) {
  const double values[] = {9, 1, 2, 3};
  Foreign foreign("g", 3);
  foreign.buffers[1] = values;
  foreign.array.offset = 1;
  {
    Array array;
    {
      const ArrowColumn column = foreign.read();
      EXPECT_EQ(column.type_name(), "float64");
      array = column.values();
    }
    EXPECT_EQ(array.raw(), reinterpret_cast<const std::byte*>(values + 1));
    EXPECT_EQ(array.to_vector<double>(), (std::vector<double>{1, 2, 3}));
    EXPECT_FALSE(array.is_writable());
    EXPECT_EQ(foreign.array_releases, 0) << "the array still looks at it";
    EXPECT_EQ(foreign.schema_releases, 1);
  }
  EXPECT_EQ(foreign.array_releases, 1);
}

TEST(Arrow, NullsBecomeNanInFloatsAndAreRefusedElsewhere) {
  const uint8_t bits[] = {0b101};
  const float floats[] = {1, 2, 3};
  Foreign foreign("f", 3);
  foreign.buffers[0] = bits;
  foreign.buffers[1] = floats;
  foreign.array.null_count = -1;
  const ArrowColumn column = foreign.read();
  EXPECT_EQ(column.null_count(), 1);
  const auto values = column.values().to_vector<float>();
  EXPECT_EQ(values[0], 1);
  EXPECT_TRUE(std::isnan(values[1]));
  EXPECT_EQ(values[2], 3);

  const int64_t whole[] = {1, 2, 3};
  Foreign integers("l", 3);
  integers.buffers[0] = bits;
  integers.buffers[1] = whole;
  integers.array.null_count = 1;
  EXPECT_CONTAINS(refusal<ValueError>([&] { integers.read().values(); }),
                  "column \"x\", row 1: null in a column of int64");
}

TEST(Arrow, WidensWhatArraysDoNotHave) {
  const uint16_t u16[] = {65535};
  Foreign a("S", 1);
  a.buffers[1] = u16;
  EXPECT_EQ(a.read().values().to_vector<int32_t>(), std::vector<int32_t>{65535});
  const uint64_t u64[] = {1, 1ull << 63};
  Foreign b("L", 2);
  b.buffers[1] = u64;
  EXPECT_CONTAINS(refusal<ValueError>([&] { b.read().values(); }), "row 1: 9223372036854775808 is beyond int64");
  const uint16_t half[] = {0x3c00};
  Foreign c("e", 1);
  c.buffers[1] = half;
  EXPECT_EQ(c.read().values().to_vector<float>(), std::vector<float>{1});
  const uint8_t bits[] = {0b10};
  Foreign d("b", 2);
  d.buffers[1] = bits;
  EXPECT_EQ(d.read().values().to_vector<bool>(), (std::vector<bool>{false, true}));
}

TEST(Arrow, CopiesWhereAPointerIsNotAligned) {
  alignas(8) std::byte raw[12] = {};
  const double one = 1;
  std::memcpy(raw + 4, &one, 8);
  Foreign foreign("g", 1);
  foreign.buffers[1] = raw + 4;
  EXPECT_EQ(foreign.read().values().to_vector<double>(), std::vector<double>{1});
}

TEST(Arrow, ReadsTextInEveryForm) {
  const char text[] = "AAPLMSFT";
  const int32_t offsets[] = {0, 4, 8, 8};
  const uint8_t bits[] = {0b011};
  Foreign plain("u", 3);
  plain.array.n_buffers = 3;
  plain.buffers[0] = bits;
  plain.buffers[1] = offsets;
  plain.buffers[2] = text;
  plain.array.null_count = 1;
  auto read = plain.read().texts();
  EXPECT_EQ(read.codes, (std::vector<int32_t>{0, 1, -1}));
  EXPECT_EQ(read.names, (std::vector<std::string>{"AAPL", "MSFT"}));

  struct View {
    int32_t length;
    char bytes[12];
  };
  const char long_text[] = "an instrument's long name";
  View views[2] = {{4, "MSFT"}, {25, "an i"}};
  const int32_t place[] = {0, 0};
  std::memcpy(views[1].bytes + 4, place, 8);
  const int64_t sizes[] = {25};
  Foreign view("vu", 2);
  view.array.n_buffers = 4;
  view.buffers[1] = views;
  view.buffers[2] = long_text;
  view.buffers[3] = sizes;
  EXPECT_EQ(view.read().texts().names, (std::vector<std::string>{"MSFT", long_text}));

  const int8_t codes[] = {1, 0, 1};
  Foreign dictionary("c", 3);
  ArrowSchema words{.format = "u", .name = "", .release = [](ArrowSchema* s) { s->release = nullptr; }};
  const void* word_buffers[] = {nullptr, offsets, text};
  ArrowArray word_array{
      .length = 2, .n_buffers = 3, .buffers = word_buffers, .release = [](ArrowArray* a) { a->release = nullptr; }};
  dictionary.schema.dictionary = &words;
  dictionary.array.dictionary = &word_array;
  dictionary.buffers[1] = codes;
  const ArrowColumn column = dictionary.read();
  EXPECT_EQ(column.type_name(), "dictionary of text");
  EXPECT_EQ(column.texts().names, (std::vector<std::string>{"MSFT", "AAPL"}));
}

TEST(Arrow, TimesRoundDownAndNamePartsBelowASecond) {
  const int64_t values[] = {-1, 1'500, 2'000};
  Foreign foreign("tsm:America/New_York", 3);
  foreign.buffers[1] = values;
  const ArrowColumn column = foreign.read();
  EXPECT_EQ(column.type_name(), "timestamp[ms, America/New_York]");
  EXPECT_EQ(column.time_zone(), "America/New_York");
  const ColumnTimes times = column.times();
  EXPECT_EQ(times.seconds, (std::vector<int64_t>{-1, 1, 2}));
  EXPECT_EQ(times.first_below_second, 0);
  const int64_t earliest[] = {std::numeric_limits<int64_t>::min()};
  Foreign least("tsm:", 1);
  least.buffers[1] = earliest;
  EXPECT_EQ(least.read().times().seconds, std::vector<int64_t>{-9223372036854776});
  const int32_t clock[] = {34'200'000, 34'200'500};
  Foreign opening("ttm", 2);
  opening.buffers[1] = clock;
  EXPECT_EQ(opening.read().times().seconds, (std::vector<int64_t>{34200, 34200}));
  EXPECT_CONTAINS(refusal<TypeError>([&] { Foreign("g").read().times(); }), "was float64, expected dates or times");
  const int32_t days[] = {-1, 18262};
  Foreign dates("tdD", 2);
  dates.buffers[1] = days;
  EXPECT_EQ(dates.read().times().seconds, (std::vector<int64_t>{-86400, 18262 * 86400LL}));
}

TEST(Arrow, DecimalsBecomeTheNearestFloat) {
  const int64_t prices[] = {10050, -1, std::numeric_limits<int64_t>::min(), 0};
  const uint8_t there[] = {0b0111};
  Foreign foreign("d:18,2,64", 4);
  foreign.buffers[0] = there;
  foreign.buffers[1] = prices;
  foreign.array.null_count = 1;
  const Array array = foreign.read().values();
  const auto values = array.to_vector<double>();
  EXPECT_EQ((std::vector<double>{values.begin(), values.begin() + 3}),
            (std::vector<double>{100.5, -0.01, -92233720368547758.08}));
  EXPECT_TRUE(std::isnan(values[3]));

  const auto decimal = [](std::initializer_list<uint32_t> limbs, int scale) {
    return arrow_decimal(reinterpret_cast<const std::byte*>(limbs.begin()), static_cast<int64_t>(4 * limbs.size()),
                         scale);
  };
  EXPECT_EQ(decimal({123456}, 3), 123.456);
  EXPECT_EQ(decimal({0, 0, 1, 0}, 0), 0x1p64);
  EXPECT_EQ(decimal({0, 0, 1, 0}, 20), 0.18446744073709551616);
  EXPECT_EQ(decimal({~0u, ~0u, ~0u, ~0u}, 4), -1e-4);
  EXPECT_EQ(decimal({7, 0}, -3), 7000);
  EXPECT_EQ(decimal({1, 0}, 30), 1e-30) << "10^30 is no float64, and rounding twice would show";
  EXPECT_EQ(decimal({~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x7fffffffu}, 76), 5.7896044618658097711785492504343953926634);
  EXPECT_EQ(decimal({0, 0, 0, 0, 0, 0, 0, 0x80000000u}, 0), -0x1p255);
  EXPECT_EQ(decimal({0, 0, 0, 0}, 18), 0);
}

TEST(Arrow, GapsAmongWholeNumbersWhereTheyAreAllowed) {
  const int64_t counts[] = {5, 6, 7};
  const uint8_t there[] = {0b101}, truths[] = {0b111};
  Foreign foreign("l", 3), flags("b", 3);
  foreign.buffers[0] = flags.buffers[0] = there;
  foreign.buffers[1] = counts;
  flags.buffers[1] = truths;
  foreign.array.null_count = flags.array.null_count = 1;
  const ArrowColumn column = foreign.read();
  const auto values = column.values_with_gaps().to_vector<double>();
  EXPECT_TRUE(values[0] == 5 && std::isnan(values[1]) && values[2] == 7);
  EXPECT_CONTAINS(refusal<ValueError>([&] { flags.read().values_with_gaps(); }), "row 1: null in a column of bool");
  Foreign whole("l", 3);
  whole.buffers[1] = counts;
  EXPECT_EQ(whole.read().values_with_gaps().dtype(), DType::i64) << "without a gap they stay what they are";
}

TEST(Arrow, RefusesOtherKindsByTheirName) {
  const std::pair<const char*, const char*> kinds[] = {
      {"d:10,9999", "decimal"},  {"d:10", "decimal"}, {"d:10,2,12", "decimal"},
      {"d:1,2,128,", "decimal"}, {"+l", "list"},      {"+s", "struct"},
      {"tDs", "duration"},       {"z", "binary"},     {"?", "unknown format"}};
  for (const auto& [format, name] : kinds) {
    EXPECT_CONTAINS(parse_arrow_format(format).name, name);
    EXPECT_EQ(parse_arrow_format(format).kind, ColumnKind::other);
  }
  Foreign foreign("tDs", 1);
  EXPECT_CONTAINS(refusal<TypeError>([&] { foreign.read().values(); }), "column \"x\", was duration, expected numbers");
}

TEST(Arrow, RefusesStructsThatLie) {
  const double values[] = {1};
  const auto complaint = [&](auto&& spoil) {
    Foreign foreign("g", 1);
    foreign.buffers[1] = values;
    spoil(foreign);
    const std::string text = refusal<FormatError>([&] { foreign.read(); });
    EXPECT_LE(foreign.array_releases, 1);
    EXPECT_EQ(foreign.array.release, nullptr) << "taken over in any case";
    return text;
  };
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.length = -1; }), "length -1");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.offset = std::numeric_limits<int64_t>::max(); }), "offset");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.null_count = 2; }), "2 nulls in 1 rows");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.null_count = 1; }), "no bitmap");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.n_buffers = 1; }), "1 buffers");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.n_children = 1; }), "1 children");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.buffers = nullptr; }), "no buffers");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.buffers[1] = nullptr; }), "null pointer for its values");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.dictionary = &f.array; }), "dictionary");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.schema.format = nullptr; }), "without format");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.schema.format = "+s", f.schema.n_children = 2; }), "2 columns");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.schema.format = "+s", f.array.n_children = 1; }),
                  "1 columns, expected 0");

  const int32_t falling[] = {4, 0};
  Foreign text("u", 1);
  text.array.n_buffers = 3;
  text.buffers[1] = falling;
  text.buffers[2] = "AAPL";
  EXPECT_CONTAINS(refusal<FormatError>([&] { text.read().texts(); }), "offsets 4 and 0");
  struct {
    int32_t length, prefix, buffer, offset;
  } outside{20, 0, 3, 0};
  Foreign view("vu", 1);
  view.array.n_buffers = 3;
  view.buffers[1] = &outside;
  EXPECT_CONTAINS(refusal<FormatError>([&] { view.read().texts(); }), "in buffer 3");
}

TEST(Arrow, RefusesNestedStructsThatLie) {
  ArrowSchema inner{.format = "g", .name = "item"};
  ArrowSchema* schemas[] = {&inner};
  double value = 1;
  const void* inner_buffers[] = {nullptr, &value};
  ArrowArray items{.length = 1, .n_buffers = 2, .buffers = inner_buffers, .release = [](ArrowArray*) {}};
  ArrowArray* arrays[] = {&items};
  // A list is not read, but written again as it came.
  const auto complaint = [&](auto&& spoil) {
    Foreign list("+l", 1);
    list.schema.n_children = list.array.n_children = 1;
    list.schema.children = schemas;
    list.array.children = arrays;
    spoil(list);
    return refusal<FormatError>([&] {
      ArrowArrayStream stream;
      ArrowTable::read(list.schema, list.array).write(stream);
      ArrowTable::read(stream);
    });
  };
  EXPECT_EQ(complaint([](Foreign&) {}), "accepted");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.schema.children = nullptr; }), "a schema of 1 children");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.schema.n_children = -1; }), "a schema of -1 children");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.children = nullptr; }), "1 children, expected 1");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.n_children = 3; }), "3 children, expected 1");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.buffers = nullptr; }), "no buffers");
  EXPECT_CONTAINS(complaint([](Foreign& f) { f.array.n_buffers = -1; }), "no buffers");
  EXPECT_CONTAINS(complaint([&](Foreign&) { inner_buffers[1] = nullptr; }), "a null pointer for its values");
  EXPECT_CONTAINS(complaint([&](Foreign&) { inner.format = nullptr; }), "a schema without format");
  EXPECT_CONTAINS(complaint([&](Foreign&) { schemas[0] = nullptr; }), "a null pointer for a child's schema");
}

TEST(Arrow, RefusesMoreRowsThanNumbersHold) {
  Foreign first("n", int64_t{1} << 56);
  first.array.n_buffers = 0;
  const auto keep = [](auto*) {};
  const std::shared_ptr<const ArrowArray> nulls(&first.array, keep);
  const std::vector<ArrowColumn::Chunk> chunks(128, {nulls, 0, first.array.length});
  EXPECT_CONTAINS(
      refusal<FormatError>([&] { ArrowColumn(std::shared_ptr<const ArrowSchema>(&first.schema, keep), chunks); }),
      "more than 2^63 rows");
}

ArrowTable own_table() {
  return ArrowTable({ArrowColumn::from_days("date", {1, 2, 3}),
                     ArrowColumn::from_texts("name", {"a", std::nullopt, "b"}),
                     ArrowColumn::from_array("close", Array::from(std::vector<double>{1, 2, 3})),
                     ArrowColumn::from_array("up", Array::from(std::vector<float>{1, 0, 1}).astype(DType::boolean)),
                     ArrowColumn::from_times("at", Array::from(std::vector<int64_t>{5, 6, 7}), "us", "UTC")});
}

TEST(Arrow, ATableReadsBackWithoutACopy) {
  const ArrowTable table = own_table();
  ArrowArrayStream stream;
  table.write(stream);
  const ArrowTable back = ArrowTable::read(stream);
  EXPECT_EQ(stream.release, nullptr);
  EXPECT_EQ(back.names(), table.names());
  EXPECT_EQ(back.rows(), 3);
  EXPECT_EQ(back.column("close").values().raw(), table.column("close").values().raw());
  EXPECT_EQ(back.column("name").texts().codes, (std::vector<int32_t>{0, -1, 1}));
  EXPECT_EQ(back.column("up").values().to_vector<bool>(), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(back.column("at").type_name(), "timestamp[us, UTC]");
  EXPECT_CONTAINS(refusal<IndexError>([&] { back.column("closes"); }), "nearest is \"close\"");
}

/// A stream of the same column in two batches, the second of which fails or not.
struct TwoBatches {
  explicit TwoBatches(bool fails) : fails(fails) {
    stream.get_schema = [](ArrowArrayStream* s, ArrowSchema* out) {
      *out = {.format = "g", .name = "x", .release = [](ArrowSchema* given) { given->release = nullptr; }};
      return s->private_data == nullptr ? 1 : 0;
    };
    stream.get_next = [](ArrowArrayStream* s, ArrowArray* out) {
      auto& self = *static_cast<TwoBatches*>(s->private_data);
      *out = {};
      if (++self.calls > 2) return 0;
      if (self.calls == 2 && self.fails) return 5;
      *out = {.length = 1, .n_buffers = 2, .buffers = self.buffers, .release = [](ArrowArray* a) {
                ++*static_cast<int*>(a->private_data);
                a->release = nullptr;
              }};
      out->private_data = &self.arrays;
      return 0;
    };
    stream.get_last_error = [](ArrowArrayStream*) { return "the connection broke"; };
    stream.release = [](ArrowArrayStream* s) {
      ++static_cast<TwoBatches*>(s->private_data)->streams, s->release = nullptr;
    };
    stream.private_data = this;
  }
  bool fails;
  double value = 7;
  const void* buffers[2] = {nullptr, &value};
  int calls = 0, arrays = 0, streams = 0;
  ArrowArrayStream stream{};
};

TEST(Arrow, StreamsAreReleasedOnceWhetherTheyFailOrNot) {
  TwoBatches good(false);
  {
    const ArrowTable table = ArrowTable::read(good.stream);
    EXPECT_EQ(good.streams, 1);
    EXPECT_EQ(good.arrays, 0);
    EXPECT_EQ(table.column("x").values().to_vector<double>(), (std::vector<double>{7, 7}));
    EXPECT_EQ(table.column("x").chunks().size(), 2u);
    ArrowArrayStream again;
    table.write(again);
    EXPECT_EQ(ArrowTable::read(again).column("x").chunks().size(), 2u);
  }
  EXPECT_EQ(good.arrays, 2);
  TwoBatches bad(true);
  EXPECT_CONTAINS(refusal<FormatError>([&] { ArrowTable::read(bad.stream); }), "batch 1: the connection broke");
  EXPECT_EQ(bad.streams, 1);
  EXPECT_EQ(bad.arrays, 1);
  EXPECT_CONTAINS(refusal<FormatError>([&] { ArrowTable::read(bad.stream); }), "read or released already");
}

TEST(Arrow, WhoTakesAChildOutOfABatchReleasesIt) {
  auto memory = std::make_shared<double>(3);
  const double* const first = memory.get();
  ArrowArrayStream stream;
  ArrowTable({ArrowColumn::from_array("x", Array::wrap(memory.get(), DType::f64, Shape{1}, memory))}).write(stream);
  ArrowArray batch;
  ASSERT_EQ(stream.get_next(&stream, &batch), 0);
  ArrowArray child = *batch.children[0];
  batch.children[0]->release = nullptr;
  batch.release(&batch);
  stream.release(&stream);
  EXPECT_EQ(child.buffers[1], first);
  EXPECT_EQ(memory.use_count(), 2);
  child.release(&child);
  EXPECT_EQ(memory.use_count(), 1);
}

TEST(Arrow, ATableRefusesColumnsThatDoNotFit) {
  const Array two = Array::from(std::vector<double>{1, 2}), three = Array::from(std::vector<double>{1, 2, 3});
  EXPECT_CONTAINS(refusal<ShapeError>([&] {
                    ArrowTable({ArrowColumn::from_array("a", two), ArrowColumn::from_array("b", three)});
                  }),
                  "column \"b\": 3 rows, expected 2");
  EXPECT_CONTAINS(refusal<ValueError>([&] {
                    ArrowTable({ArrowColumn::from_array("a", two), ArrowColumn::from_array("a", two)});
                  }),
                  "two columns are called \"a\"");
  EXPECT_CONTAINS(refusal<ShapeError>([&] { ArrowColumn::from_array("a", two.reshape({1, 2})); }), "one dimension");
}

}  // namespace
}  // namespace quantick
