#include "tracer/live/live_sampler.h"

#include <gtest/gtest.h>

#include "base/log_linear.h"
#include "tracer/live/live_lines.h"

namespace trapline::tracer {
namespace {

constexpr std::uint32_t kIo = 0x7b;
constexpr std::uint32_t kHlt = 0x78;
constexpr std::uint64_t kSecond = 1'000'000'000;

std::uint64_t exit_key(std::uint16_t vcpu, std::uint32_t reason, std::uint32_t detail = 0) {
  return std::uint64_t{vcpu + 1u} << TRL_TOP_VCPU_SHIFT | std::uint64_t{reason} << TRL_TOP_REASON_SHIFT |
         detail;
}
// OUT of one byte: SVM's EXITINFO1 has the size in bits 6:4.
std::uint64_t out_key(std::uint16_t vcpu, std::uint16_t port) {
  return exit_key(vcpu, kIo, 1u << 20 | port);
}
std::uint64_t vector_key(std::uint16_t vcpu, std::uint32_t event) {
  return std::uint64_t{vcpu + 1u} << TRL_TOP_VCPU_SHIFT |
         std::uint64_t{TRL_TOP_VECTOR} << TRL_TOP_KIND_SHIFT | event;
}

void add(trl_top_row& row, std::uint64_t ns, std::uint64_t times = 1, std::uint64_t user_ns = 0) {
  row.count += times;
  row.timed += times;
  row.total_ns += ns * times;
  row.user_ns += user_ns * times;
  row.to_user += user_ns != 0 ? times : 0;
  row.max_ns = std::max<trl_u64>(row.max_ns, ns);
  row.histogram[log_linear::bucket_of(ns, TRL_TOP_STEP_BITS)] += static_cast<trl_u32>(times);
}

trl_top_row row_with(std::uint64_t key, std::uint64_t ns, std::uint64_t times, std::uint64_t user_ns = 0) {
  trl_top_row row{};
  row.key = key;
  add(row, ns, times, user_ns);
  return row;
}

LiveVcpuState vcpu(std::uint16_t number, std::uint16_t vm = 0) {
  LiveVcpuState state;
  state.number = number;
  state.vm = vm;
  state.vcpu_id = number;
  state.tid = 100u + number;
  state.seen_ns = 1;
  return state;
}

LiveReading reading(std::uint64_t at_ns, std::vector<trl_top_row> rows, std::vector<LiveVcpuState> vcpus) {
  LiveReading result;
  result.at_ns = at_ns;
  result.isa = recording::Isa::svm;
  result.rows = std::move(rows);
  result.vcpus = std::move(vcpus);
  result.vms = {{0, 42, "web"}, {1, 43, "db"}};
  return result;
}

const LiveLine& line(const std::vector<LiveLine>& lines, std::string_view name) {
  for (const LiveLine& each : lines) {
    if (each.name == name) return each;
  }
  static const LiveLine none;
  ADD_FAILURE() << "no line " << name;
  return none;
}

TEST(LiveSampler, TellsWhatCameSinceTheLastReading) {
  LiveSampler sampler(kSecond);
  auto row = row_with(out_key(0, 0x3f8), 1000, 10, 400);
  auto first = sampler.next(reading(2 * kSecond, {row}, {vcpu(0)}));
  ASSERT_EQ(first.exits.size(), 1u);
  EXPECT_EQ(first.exits[0].figures.count, 10u);
  EXPECT_EQ(first.exits[0].reason, "io");
  ASSERT_TRUE(first.exits[0].io);
  EXPECT_EQ(io_key(*first.exits[0].io), "port 0x3f8 out 1");
  row.max_ns = 0;
  add(row, 5000, 3);
  const auto second = sampler.next(reading(4 * kSecond, {row}, {vcpu(0)}));
  EXPECT_EQ(second.length_ns(), 2 * kSecond);
  EXPECT_EQ(second.exits[0].figures.count, 3u);
  EXPECT_EQ(second.exits[0].figures.total_ns, 15'000u);
  EXPECT_EQ(second.exits[0].figures.max_ns, 5000u);
  EXPECT_EQ(second.exits[0].to_user, 0u);
  EXPECT_TRUE(sampler.next(reading(5 * kSecond, {row}, {vcpu(0)})).exits.empty()) << "nothing came";
}

TEST(LiveSampler, CountersThatVanishAndBeginAgain) {
  LiveSampler sampler(0);
  auto first = reading(kSecond, {row_with(exit_key(0, kIo), 1000, 10)}, {vcpu(0)});
  first.freed = {exit_key(0, kIo)};
  EXPECT_EQ(sampler.next(first).exits[0].figures.count, 10u);
  // Told as freed: more than before is new all the same.
  const auto second = reading(2 * kSecond, {row_with(exit_key(0, kIo), 1000, 12)}, {vcpu(0)});
  EXPECT_EQ(sampler.next(second).exits[0].figures.count, 12u);
  EXPECT_TRUE(sampler.next(reading(3 * kSecond, {}, {})).exits.empty()) << "gone without a word";
  const auto less = reading(4 * kSecond, {row_with(exit_key(0, kIo), 1000, 5)}, {vcpu(0)});
  EXPECT_EQ(sampler.next(less).exits[0].figures.count, 5u);
  const auto lower = reading(5 * kSecond, {row_with(exit_key(0, kIo), 1000, 2)}, {vcpu(0)});
  EXPECT_EQ(sampler.next(lower).exits[0].figures.count, 2u);
}

TEST(LiveSampler, AHaltThatLastsIsToldInEachIntervalOnce) {
  LiveSampler sampler(0);
  LiveVcpuState halted = vcpu(0);
  halted.open_since_ns = kSecond / 2;
  halted.open_key = exit_key(0, kHlt);
  for (std::uint64_t second = 1; second <= 3; ++second) {
    const auto interval = sampler.next(reading(second * kSecond, {}, {halted}));
    ASSERT_EQ(interval.vcpus.size(), 1u);
    EXPECT_NEAR(static_cast<double>(interval.vcpus[0].halted_ns), second == 1 ? 0.5e9 : 1e9, 2) << second;
    EXPECT_EQ(interval.vcpus[0].kvm_ns, 0u);
    EXPECT_EQ(interval.exits[0].figures.count, 0u) << "it is not over";
  }
  // It ends at 3.25 s: 2.75 s long, of which 2.5 s were told.
  const auto over =
      sampler.next(reading(4 * kSecond, {row_with(exit_key(0, kHlt), 11 * kSecond / 4, 1)}, {vcpu(0)}));
  EXPECT_EQ(over.exits[0].figures.count, 1u);
  EXPECT_EQ(over.vcpus[0].halted_ns, kSecond / 4);
  EXPECT_EQ(over.vcpus[0].guest_ns, 3 * kSecond / 4);
}

TEST(LiveSampler, PartsOfAVcpusTimeAddUp) {
  LiveSampler sampler(0);
  LiveVcpuState waiting = vcpu(0);
  waiting.open_since_ns = 9 * kSecond / 10;
  waiting.in_user_since_ns = 95 * kSecond / 100;
  waiting.open_key = out_key(0, 0x60);
  const auto interval = sampler.next(reading(
      kSecond,
      {row_with(exit_key(0, kHlt), 1'000'000, 100), row_with(out_key(0, 0x60), 100'000, 1000, 60'000)},
      {waiting}));
  const LiveVcpu& state = interval.vcpus.at(0);
  EXPECT_EQ(state.halted_ns, 100'000'000u);
  EXPECT_EQ(state.user_ns, 60'000'000u + 50'000'000u);
  EXPECT_EQ(state.kvm_ns, 40'000'000u + 50'000'000u);
  EXPECT_EQ(state.guest_ns + state.kvm_ns + state.user_ns + state.halted_ns, state.lived_ns);
}

TEST(LiveSampler, AVcpuThatEndsLivedOnlyUntilThen) {
  LiveSampler sampler(0);
  LiveVcpuState ended = vcpu(0);
  ended.seen_ns = kSecond / 4;
  ended.ended_ns = kSecond / 2;
  const auto interval = sampler.next(reading(kSecond, {row_with(exit_key(0, kIo), 1000, 7)}, {ended}));
  ASSERT_EQ(interval.vcpus.size(), 1u);
  EXPECT_EQ(interval.vcpus[0].lived_ns, kSecond / 4);
  EXPECT_TRUE(interval.vcpus[0].ended);
  EXPECT_EQ(interval.vms.size(), 1u);
}

TEST(LiveSampler, LossesAreThoseOfTheIntervalAndThoseBefore) {
  LiveSampler sampler(0);
  auto now = reading(kSecond, {}, {});
  now.losses.exits_without_row = 5;
  EXPECT_EQ(sampler.next(now).losses.exits_without_row, 5u);
  now.losses.exits_without_row = 12;
  now.at_ns = 2 * kSecond;
  const auto second = sampler.next(now);
  EXPECT_EQ(second.losses.exits_without_row, 7u);
  EXPECT_EQ(second.losses_before.exits_without_row, 5u);
}

TEST(LiveSampler, VmxReasonsAndTwoRowsOfOneVector) {
  LiveSampler sampler(0);
  auto now = reading(kSecond,
                     {row_with(exit_key(0, 30, 0x3f8), 1000, 1), row_with(vector_key(0, 0x40), 500, 2),
                      row_with(vector_key(0, 0x40), 700, 3), row_with(vector_key(0, 3u << 8 | 14), 1, 1)},
                     {vcpu(0)});
  now.isa = recording::Isa::vmx;
  const auto interval = sampler.next(now);
  EXPECT_EQ(interval.exits.at(0).reason, "IO_INSTRUCTION");
  const auto vectors = lines_of(interval, LiveView::vector);
  EXPECT_EQ(line(vectors, "0x40").count, 5u);
  EXPECT_EQ(line(vectors, "0x40").figures.max_ns, 700u);
  EXPECT_EQ(line(vectors, "#PF").count, 1u);
}

TEST(LiveLines, EachViewSumsWhatItIsAbout) {
  LiveSampler sampler(0);
  const auto interval =
      sampler.next(reading(kSecond,
                           {row_with(out_key(0, 0x60), 1000, 10), row_with(out_key(1, 0x60), 3000, 5),
                            row_with(out_key(1, 0x70), 2000, 1), row_with(exit_key(1, kHlt), 1'000'000, 2)},
                           {vcpu(0, 0), vcpu(1, 1)}));
  const auto reasons = lines_of(interval, LiveView::reason);
  EXPECT_EQ(line(reasons, "io").count, 16u);
  EXPECT_EQ(line(reasons, "io").vcpus, 2u);
  EXPECT_EQ(line(reasons, "io").lived_ns, 2 * kSecond - 2);
  EXPECT_TRUE(line(reasons, "hlt").halts);
  const auto ports = lines_of(interval, LiveView::port);
  ASSERT_EQ(ports.size(), 2u);
  EXPECT_EQ(line(ports, "port 0x60 out 1").count, 15u);
  const auto vcpus = lines_of(interval, LiveView::vcpu);
  EXPECT_EQ(line(vcpus, "db vCPU 1").count, 8u);
  EXPECT_EQ(line(vcpus, "db vCPU 1").figures.max_ns, 3000u) << "halts are no work";
  EXPECT_EQ(line(lines_of(interval, LiveView::vm), "web").count, 10u);
  EXPECT_EQ(total_of(interval).count, 18u);
}

TEST(LiveFigures, PercentilesAreWithinASixteenth) {
  for (const std::uint64_t ns :
       {1ull, 7ull, 8ull, 9ull, 100ull, 1023ull, 1024ull, 123'456ull, 9'999'999'999ull}) {
    LiveFigures figures;
    figures.count = 100;
    figures.histogram[log_linear::bucket_of(ns, TRL_TOP_STEP_BITS)] = 100;
    const auto told = static_cast<double>(figures.percentile_ns(50));
    EXPECT_NEAR(told, static_cast<double>(ns), static_cast<double>(ns) / 16 + 0.5) << ns;
  }
  EXPECT_LT(log_linear::bucket_of((1ull << TRL_TOP_LARGEST_BITS) - 1, TRL_TOP_STEP_BITS), kTopBuckets);
  EXPECT_EQ(log_linear::bucket_of(1ull << TRL_TOP_LARGEST_BITS, TRL_TOP_STEP_BITS), kTopBuckets);
}

TEST(LiveFigures, P99IsTheNearestRank) {
  LiveFigures figures;
  figures.count = 100;
  figures.max_ns = 1'000'000;
  figures.histogram[log_linear::bucket_of(1000, TRL_TOP_STEP_BITS)] = 98;
  figures.histogram[log_linear::bucket_of(1'000'000, TRL_TOP_STEP_BITS)] = 2;
  EXPECT_NEAR(static_cast<double>(figures.percentile_ns(98)), 1000, 63);
  EXPECT_NEAR(static_cast<double>(figures.percentile_ns(99)), 1e6, 62'500);
  EXPECT_LE(figures.percentile_ns(99), figures.max_ns);
  EXPECT_EQ(LiveFigures{}.percentile_ns(99), 0u);
}

}  // namespace
}  // namespace trapline::tracer
