#include "viewer/web/embedded.h"

#include <gtest/gtest.h>

#include "tests/unit/viewer/small_timeline.h"
#include "viewer/web/base64.h"

namespace trapline::viewer {
namespace {

using nlohmann::json;

TEST(Embedded, NothingEndsTheElementThatItIsIn) {
  const json hostile = {{"name", "</script><script>alert(1)</script><!--"}, {"</SCRIPT >", "a&b ]]>"}};
  const std::string text = script_safe(hostile);
  EXPECT_EQ(text.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(json::parse(text), hostile);
}

TEST(Embedded, LineSeparatorsAndWhatIsNoTextAreEscaped) {
  const std::string text = script_safe({{"a", "\xe2\x80\xa8\xe2\x80\xa9\xff\x01"}});
  for (const char c : text)
    EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
  EXPECT_EQ(json::parse(text)["a"], "\xe2\x80\xa8\xe2\x80\xa9\xef\xbf\xbd\x01");
}

TEST(Embedded, JsonIsOfATypeThatNoBrowserRuns) {
  test::StringSink sink;
  TextBuffer out(sink);
  embed_json("report", {{"x", "</script>"}}, out);
  ASSERT_TRUE(out.finish());
  EXPECT_EQ(sink.text,
            "<script type=\"application/json\" id=\"report\">{\"x\":\"\\u003c/script\\u003e\"}</script>\n");
}

TEST(Base64, IsThatOfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

}  // namespace
}  // namespace trapline::viewer
