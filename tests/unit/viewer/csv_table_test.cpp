#include "viewer/csv/csv_table.h"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

#include "tests/unit/viewer/small_timeline.h"

namespace trapline::viewer {
namespace {

TEST(CsvTable, WritesEveryKindOfValue) {
  test::StringSink sink;
  CsvTable csv(sink);
  const std::array<std::string_view, 8> columns = {"a", "b", "c", "d", "e", "f", "g", "h"};
  const std::array<std::string_view, 2> words = {"eoi", "iret"};
  csv.begin_table("any", columns);
  csv.begin_row();
  csv.none();
  csv.count(18446744073709551615u);
  csv.nanoseconds(-5);
  csv.address(0xfee000b0);
  csv.text("port 0x10");
  csv.flag(true);
  csv.words(words);
  csv.none();
  csv.end_row();
  csv.end_table();
  ASSERT_TRUE(csv.finish());
  EXPECT_EQ(sink.text, "a,b,c,d,e,f,g,h\n,18446744073709551615,-5,0xfee000b0,port 0x10,1,eoi+iret,\n");
}

TEST(CsvTable, QuotesWhatWouldEndAField) {
  test::StringSink sink;
  CsvTable csv(sink);
  csv.begin_row();
  csv.text("a,b");
  csv.text("say \"x\"");
  csv.text("two\nlines");
  csv.text("\xff");
  csv.end_row();
  ASSERT_TRUE(csv.finish());
  EXPECT_EQ(sink.text, "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\xef\xbf\xbd\n");
}

}  // namespace
}  // namespace trapline::viewer
