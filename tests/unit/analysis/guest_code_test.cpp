#include "analysis/guest_code.h"

#include <gtest/gtest.h>

#include "tests/support/collecting_sink.h"

namespace trapline::analysis {
namespace {

tracer::Exit exit_at_rip(std::uint64_t rip, std::uint64_t ns, const std::string& reason = "io") {
  tracer::Exit exit;
  exit.exit = HostNs{100};
  exit.entry = HostNs{100 + ns};
  exit.what = tracer::test::description(reason);
  exit.record.rip = rip;
  return exit;
}

TEST(GuestCode, IsSummedUpByReasonTheLongestFirst) {
  GuestCodeTable table;
  table.add(0, exit_at_rip(0x10, 5));
  table.add(0, exit_at_rip(0x20, 30));
  table.add(0, exit_at_rip(0x10, 7));
  table.add(0, exit_at_rip(0x10, 100, "msr"));
  table.add(1, exit_at_rip(0x10, 1));
  tracer::Exit unknown = exit_at_rip(0, 3);
  unknown.record.flags = TRL_NO_RIP;
  table.add(0, unknown);
  const auto code = table.take();
  ASSERT_EQ(code.size(), 3u);
  EXPECT_EQ(code[0].reason, "msr");
  EXPECT_EQ(code[1].reason, "io");
  EXPECT_EQ(code[1].unknown, 1u);
  ASSERT_EQ(code[1].rips.size(), 2u);
  EXPECT_EQ(code[1].rips[0].rip, 0x20u);
  EXPECT_EQ(code[1].rips[1].count, 2u);
  EXPECT_EQ(code[1].rips[1].handling_ns, 12u);
  EXPECT_EQ(code[1].rips[1].max_ns, 7u);
  EXPECT_EQ(code[2].vm, 1) << "the same address of another VM is other code";
}

TEST(GuestCode, ReasonsOfSeveralKeysAreOne) {
  GuestCodeTable table;
  tracer::Exit other = exit_at_rip(0x10, 7);
  other.what = tracer::test::description("io", tracer::Cause::guest, {}, "port 0x80");
  table.add(0, exit_at_rip(0x10, 5));
  table.add(0, other);
  const auto code = table.take();
  ASSERT_EQ(code.size(), 1u);
  EXPECT_EQ(code[0].rips[0].count, 2u);
}

TEST(GuestCode, IsKeptUpToALimitAndTheRestIsTold) {
  GuestCodeTable table;
  for (std::uint64_t rip = 0; rip < GuestCodeTable::kMaxRips + 3; ++rip)
    table.add(0, exit_at_rip(rip, 10));
  const auto code = table.take();
  EXPECT_EQ(code[0].rips.size(), GuestCodeTable::kMaxRips);
  EXPECT_EQ(code[0].others.count, 3u);
  EXPECT_EQ(code[0].handling_ns(), 10 * (GuestCodeTable::kMaxRips + 3));
}

}  // namespace
}  // namespace trapline::analysis
