#include "analysis/exit_groups.h"

#include <gtest/gtest.h>

#include "tests/support/collecting_sink.h"

namespace trapline::analysis {
namespace {

using tracer::Exit;
using tracer::ExitSubject;
using Kind = ExitSubject::Kind;
using Access = ExitSubject::Access;

Exit exit_of(const tracer::ExitDescription* what, std::uint64_t ns, std::uint64_t rip = 0,
             std::uint32_t event_inj = 0) {
  Exit exit;
  exit.exit = HostNs{1000};
  exit.entry = HostNs{1000 + ns};
  exit.what = what;
  exit.record.rip = rip;
  exit.record.event_inj = event_inj;
  return exit;
}

const tracer::ExitDescription* out() {
  return tracer::test::description("io", tracer::Cause::guest, {Kind::port, 0x3f8, Access::write}, "out");
}
const tracer::ExitDescription* in() {
  return tracer::test::description("io", tracer::Cause::guest, {Kind::port, 0x3f8, Access::read}, "in");
}
const tracer::ExitDescription* wrmsr() {
  return tracer::test::description("msr", tracer::Cause::guest, {Kind::msr, 0x80b, Access::write}, "eoi");
}
const tracer::ExitDescription* mmio() {
  return tracer::test::description("npf", tracer::Cause::guest, {Kind::gpa, 0xfee000b0, Access::write},
                                   "gpa");
}
const tracer::ExitDescription* call() {
  return tracer::test::description("hypercall", tracer::Cause::guest, {Kind::hypercall, 10}, "nr");
}

// Ten exits on two vCPUs of two VMs.
ExitGroups grouped(std::vector<ExitKey> by) {
  ExitGrouping grouping(std::move(by));
  for (int i = 0; i < 3; ++i)
    grouping.add(0, 0, exit_of(out(), 100, 0xaaa, i == 0 ? 0x80000041 : 0));
  for (int i = 0; i < 2; ++i)
    grouping.add(1, 1, exit_of(out(), 10, 0xaaa));
  grouping.add(0, 0, exit_of(in(), 50, 0xbbb));
  grouping.add(1, 1, exit_of(wrmsr(), 1000, 0xccc, 0x80000041));
  grouping.add(0, 0, exit_of(mmio(), 5, 0xddd));
  grouping.add(0, 0, exit_of(call(), 7, 0xeee, 0x80000b0e));
  Exit without_rip = exit_of(tracer::test::description("cpuid"), 1);
  without_rip.record.flags = TRL_NO_RIP;
  grouping.add(0, 0, without_rip);
  return grouping.take();
}

constexpr std::uint64_t kCount = 10;
constexpr std::uint64_t kTotal = 300 + 20 + 50 + 1000 + 5 + 7 + 1;

using Row = std::tuple<std::string, std::uint64_t, std::uint64_t>;  // value, count, time

std::vector<Row> rows_of(const ExitGroups& groups) {
  std::vector<Row> rows;
  for (const ExitGroup& row : groups.rows) {
    std::string name;
    for (const ExitKey key : groups.by) {
      if (!name.empty()) name += ' ';
      const auto value = row.value(key);
      name += !value ? "-" : key == ExitKey::reason ? groups.reasons[*value] : std::to_string(*value);
    }
    const auto access = tracer::access_name(row.access);
    if (!access.empty()) name += " " + std::string(access);
    rows.emplace_back(name, row.count(), row.duration.total());
  }
  return rows;
}

TEST(ExitGroups, SumUpByEachKey) {
  EXPECT_EQ(rows_of(grouped({ExitKey::port})),
            (std::vector<Row>{{"1016 write", 5, 320}, {"1016 read", 1, 50}}));
  EXPECT_EQ(rows_of(grouped({ExitKey::msr})), (std::vector<Row>{{"2059 write", 1, 1000}}));
  EXPECT_EQ(rows_of(grouped({ExitKey::mmio})), (std::vector<Row>{{"4276093104 write", 1, 5}}));
  EXPECT_EQ(rows_of(grouped({ExitKey::hypercall})), (std::vector<Row>{{"10", 1, 7}}));
  EXPECT_EQ(rows_of(grouped({ExitKey::vcpu})), (std::vector<Row>{{"1", 3, 1020}, {"0", 7, 363}}));
  EXPECT_EQ(rows_of(grouped({ExitKey::vm})), (std::vector<Row>{{"1", 3, 1020}, {"0", 7, 363}}));
  EXPECT_EQ(rows_of(grouped({ExitKey::vector})), (std::vector<Row>{{"65", 2, 1100}, {"14", 1, 7}}));
  EXPECT_EQ(rows_of(grouped({ExitKey::rip}))[0], (Row{"3276", 1, 1000}));
  EXPECT_EQ(rows_of(grouped({ExitKey::reason})),
            (std::vector<Row>{
                {"msr", 1, 1000}, {"io", 6, 370}, {"hypercall", 1, 7}, {"npf", 1, 5}, {"cpuid", 1, 1}}));
}

TEST(ExitGroups, SeveralKeysMakeOneTable) {
  EXPECT_EQ(rows_of(grouped({ExitKey::port, ExitKey::msr, ExitKey::vcpu}))[0],
            (Row{"- 2059 1 write", 1, 1000}));
  const auto rows = rows_of(grouped({ExitKey::reason, ExitKey::port}));
  EXPECT_EQ(rows[1], (Row{"io 1016 write", 5, 320}));
  EXPECT_EQ(rows.back(), (Row{"cpuid -", 1, 1}));
}

TEST(ExitGroups, AlwaysAddUpToAllExits) {
  for (std::size_t first = 0; first < kExitKeys; ++first) {
    for (std::size_t second = 0; second < kExitKeys; ++second) {
      std::vector<ExitKey> by = {static_cast<ExitKey>(first)};
      if (second != first) by.push_back(static_cast<ExitKey>(second));
      const ExitGroups groups = grouped(by);
      std::uint64_t count = groups.without_key.count() + groups.beyond_limit.count();
      std::uint64_t total = groups.without_key.duration.total() + groups.beyond_limit.duration.total();
      for (const ExitGroup& row : groups.rows) {
        count += row.count();
        total += row.duration.total();
      }
      EXPECT_EQ(count, kCount) << exit_key_names()[first] << ',' << exit_key_names()[second];
      EXPECT_EQ(total, kTotal) << exit_key_names()[first] << ',' << exit_key_names()[second];
    }
  }
}

TEST(ExitGroups, AreKeptUpToALimitAndTheRestIsTold) {
  ExitGrouping grouping({ExitKey::rip});
  for (std::uint64_t rip = 0; rip < ExitGrouping::kMaxGroups + 5; ++rip)
    grouping.add(0, 0, exit_of(out(), 10, rip));
  grouping.add(0, 0, exit_of(out(), 10, 3));  // of one that is kept
  const ExitGroups groups = grouping.take();
  EXPECT_EQ(groups.rows.size(), ExitGrouping::kMaxGroups);
  EXPECT_EQ(groups.beyond_limit.count(), 5u);
}

TEST(ExitGroups, KeysHaveNamesAndWords) {
  for (const std::string_view name : exit_key_names()) {
    ASSERT_TRUE(exit_key_of(name));
    EXPECT_FALSE(exit_key_summary(*exit_key_of(name)).empty());
  }
  EXPECT_FALSE(exit_key_of("weather"));
}

}  // namespace
}  // namespace trapline::analysis
