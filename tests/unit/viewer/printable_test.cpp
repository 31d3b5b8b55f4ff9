#include "viewer/tables/printable.h"

#include <gtest/gtest.h>

namespace trapline::viewer {
namespace {

TEST(Printable, LeavesTextAndTakesControlSequencesAway) {
  EXPECT_EQ(printable("plain text, 100 %~"), "plain text, 100 %~");
  EXPECT_EQ(printable("\x1b[31mred\x07\r\n\x7f\xc3\xa9"), ".[31mred......");
  EXPECT_EQ(printable(""), "");
}

}  // namespace
}  // namespace trapline::viewer
