#include "viewer/json/json_stream.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace trapline::viewer {
namespace {

struct StringSink : TextSink {
  std::string text;
  Status write(std::string_view part) override {
    text += part;
    return {};
  }
};

TEST(JsonStream, PutsCommasAndQuotesWhereTheyBelong) {
  StringSink sink;
  JsonStream stream(sink);
  stream.begin_object();
  stream.key("a");
  stream.begin_array();
  stream.number(std::uint64_t{1});
  stream.number(std::int64_t{-2});
  stream.begin_object();
  stream.end_object();
  stream.end_array();
  stream.key("b");
  stream.boolean(true);
  stream.key("c");
  stream.string("x");
  stream.end_object();
  ASSERT_TRUE(stream.finish());
  EXPECT_EQ(sink.text, R"({"a":[1,-2,{}],"b":true,"c":"x"})");
}

TEST(JsonStream, MicrosecondsAreExactToTheNanosecond) {
  StringSink sink;
  JsonStream stream(sink);
  stream.begin_array();
  stream.microseconds(0);
  stream.microseconds(7);
  stream.microseconds(1'234'567);
  stream.microseconds(4'500'000'000'000'001);
  stream.end_array();
  ASSERT_TRUE(stream.finish());
  EXPECT_EQ(sink.text, "[0.000,0.007,1234.567,4500000000000.001]");
}

TEST(JsonStream, AnyBytesBecomeAValidString) {
  std::string hostile = "q\"b\\n\nt\tz";
  hostile += '\0';
  hostile += "\xff\xfe\xc0\x80 \xed\xa0\x80 \xf5\x80\x80\x80 \xe2\x82 ok \xe2\x82\xac \xf0\x9f\x98\x80";
  StringSink sink;
  JsonStream stream(sink);
  stream.string(hostile);
  ASSERT_TRUE(stream.finish());
  const auto parsed = nlohmann::json::parse(sink.text, nullptr, false);
  ASSERT_FALSE(parsed.is_discarded()) << sink.text;
  const auto text = parsed.get<std::string>();
  EXPECT_EQ(text.substr(0, 9), "q\"b\\n\nt\tz");
  EXPECT_NE(text.find("ok \xe2\x82\xac \xf0\x9f\x98\x80"), std::string::npos);
}

TEST(JsonStream, HexIsAString) {
  StringSink sink;
  JsonStream stream(sink);
  stream.hex(~std::uint64_t{0});
  ASSERT_TRUE(stream.finish());
  EXPECT_EQ(sink.text, "\"0xffffffffffffffff\"");
}

TEST(JsonStream, TellsTheSinksFirstError) {
  struct FullDisk : TextSink {
    Status write(std::string_view) override { return fail("disk full"); }
  } sink;
  JsonStream stream(sink);
  stream.begin_array();
  for (int i = 0; i < 100'000; ++i)
    stream.number(std::uint64_t{123456789});
  stream.end_array();
  const Status status = stream.finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().what, "disk full");
}

}  // namespace
}  // namespace trapline::viewer
