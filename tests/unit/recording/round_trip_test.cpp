#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <vector>

#include "sample_recording.h"
#include "tracer/recording/reader.h"
#include "tracer/recording/writer.h"

namespace trapline::recording {
namespace {

using namespace test;

class RoundTrip : public testing::Test {
 protected:
  TemporaryFolder scratch_;
  std::filesystem::path folder_ = scratch_ / "recording";
};

template <typename Record>
void expect_same_bytes(const Record& read, const Record& written) {
  EXPECT_EQ(std::memcmp(&read, &written, sizeof written), 0) << "event " << written.head.id;
}

// The only event of a stream.
template <typename Record>
const Record* only_event(const RecordingReader& reader, StreamKey key) {
  auto cursor = reader.events(key);
  Event event;
  EXPECT_TRUE(cursor.next(event));
  const auto* record = std::get_if<const Record*>(&event.record);
  EXPECT_NE(record, nullptr);
  Event none;
  EXPECT_FALSE(cursor.next(none));
  EXPECT_TRUE(cursor.status());
  return record != nullptr ? *record : nullptr;
}

TEST_F(RoundTrip, EveryStreamEventComesBackWhole) {
  ASSERT_OK(write_sample(folder_));
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  expect_same_bytes(*only_event<trl_exit_cycle>(*reader, kExitsKey), exit_cycle_at(kExitCycleNs));
  expect_same_bytes(*only_event<GuestStampRecord>(*reader, kStampsKey), stamp_at(kGuestStampNs, 33));
  expect_same_bytes(*only_event<ExitHandledRecord>(*reader, kVmmKey), sample_exit_handled());
  expect_same_bytes(*only_event<InterruptRaisedRecord>(*reader, kDevicesKey), sample_interrupt_raised());
  expect_same_bytes(*only_event<VmmStepRecord>(*reader, kStepsKey), sample_vmm_step());

  auto cursor = reader->events(kKvmKey);
  Event event;
  ASSERT_TRUE(cursor.next(event));
  expect_same_bytes(*std::get<const trl_exit_cycle*>(event.record),
                    exit_cycle_at(kCycleOpenNs, TRL_CYCLE_OPEN));
  for (const trl_kvm_event& written : sample_kvm_events()) {
    ASSERT_TRUE(cursor.next(event));
    EXPECT_EQ(event.stream, kKvmKey);
    EXPECT_EQ(event.at.value, written.head.timestamp_ns);
    expect_same_bytes(*std::get<const trl_kvm_event*>(event.record), written);
  }
  EXPECT_FALSE(cursor.next(event));
  ASSERT_OK(cursor.status());
}

TEST_F(RoundTrip, EverySessionFactComesBackWhole) {
  ASSERT_OK(write_sample(folder_));
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  ASSERT_EQ(reader->clock_samples().size(), 1u);
  EXPECT_EQ(reader->clock_samples()[0].tsc.value, 9000u);
  EXPECT_EQ(reader->clock_samples()[0].ns.value, kSessionNs);
  EXPECT_EQ(reader->clock_samples()[0].half_width_tsc, 15u);
  ASSERT_EQ(reader->vcpus().size(), 1u);
  ASSERT_EQ(reader->vms().size(), 1u);
  const Vm& vm = reader->vms()[0];
  EXPECT_EQ(std::tuple(vm.vm, vm.pid, vm.named_by, vm.name),
            std::tuple(2u, 4200u, VmNamedBy::libvirt, std::string("a guest")));
  const VcpuStarted& vcpu = reader->vcpus()[0];
  EXPECT_EQ(std::pair(vcpu.vm, vcpu.vcpu_id), std::pair(std::uint16_t{2}, std::uint16_t{6}));
  EXPECT_EQ(std::tie(vcpu.at.value, vcpu.vcpu, vcpu.tid, vcpu.tsc_offset, vcpu.guest_tsc_khz),
            std::tuple(2010u, 1, 4242u, -9'876'543'210, 2'999'999u));
  ASSERT_EQ(reader->workloads().size(), 1u);
  const Workload& workload = reader->workloads()[0];
  EXPECT_EQ(
      std::tie(workload.at.value, workload.guest_workload, workload.index, workload.count, workload.name),
      std::tuple(2020u, 5u, 2u, 1000u, "timer"));
  ASSERT_EQ(reader->guest_counts().size(), 1u);
  const GuestCount& count = reader->guest_counts()[0];
  EXPECT_EQ(std::tie(count.at.value, count.vcpu, count.kind, count.key, count.count),
            std::tuple(2030u, 1, 1u, 0x3f8u, 1001u));
  ASSERT_EQ(reader->kvm_stats().size(), 1u);
  const KvmStat& stat = reader->kvm_stats()[0];
  EXPECT_EQ(std::tie(stat.at.value, stat.vcpu, stat.name, stat.value),
            std::tuple(2040u, 1, "halt_exits", 1002u));
  ASSERT_EQ(reader->losses().size(), 1u);
  const StreamLoss& loss = reader->losses()[0];
  EXPECT_EQ(std::tie(loss.at.value, loss.source, loss.instance, loss.count),
            std::tuple(2050u, LossSource::guest_stamps, 1u, 1003u));
  ASSERT_TRUE(reader->probe_cost());
  const ProbeCost& cost = *reader->probe_cost();
  EXPECT_EQ(std::tie(cost.at.value, cost.per_exit_ns, cost.traced_ns, cost.untraced_ns, cost.exits),
            std::tuple(2060u, -12, 3900u, 3912u, 20000u));
  ASSERT_TRUE(reader->end());
  EXPECT_EQ(std::tie(reader->end()->at.value, reader->end()->reason, reader->end()->records_lost),
            std::tuple(2080u, EndReason::stopped, 1004u));
}

TEST_F(RoundTrip, InfoComesBack) {
  ASSERT_OK(write_sample(folder_));
  EXPECT_TRUE(is_recording(folder_));
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  EXPECT_EQ(reader->info().cpu_model, sample_info().cpu_model);
  EXPECT_EQ(reader->info().time_kind, TimeKind::counted);
  EXPECT_NE(reader->uuid(), Uuid{});
  EXPECT_TRUE(reader->cut().empty());
  EXPECT_EQ(reader->lost(), 0u);
}

// Format 1 had no steps; all else is as it is.
TEST_F(RoundTrip, ARecordingOfFormat1IsStillRead) {
  ASSERT_OK(write_sample(folder_));
  std::filesystem::remove(folder_ / "steps_vcpu1");
  std::string metadata = content_of(folder_ / "metadata");
  metadata.replace(metadata.find("trapline_format = 3"), 19, "trapline_format = 1");
  put_content(folder_ / "metadata", metadata);
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  auto cursor = reader->merged();
  std::uint64_t events = 0;
  for (Event event; cursor.next(event);)
    ++events;
  ASSERT_OK(cursor.status());
  EXPECT_EQ(events, kSampleStreamEvents - 1);
  EXPECT_TRUE(reader->end());
  EXPECT_EQ(reader->vcpus()[0].vcpu_id, reader->vcpus()[0].vcpu) << "they were not told apart";
  ASSERT_OK(write_sample(folder_, IfExists::replace));
}

TEST_F(RoundTrip, MergesStreamsByTime) {
  ASSERT_OK(write_sample(folder_));
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  auto cursor = reader->merged();
  Event event;
  std::vector<std::uint64_t> times;
  while (cursor.next(event))
    times.push_back(event.at.value);
  ASSERT_OK(cursor.status());
  EXPECT_EQ(times.size(), kSampleStreamEvents);
  EXPECT_TRUE(std::ranges::is_sorted(times));
  const std::array stamps_only = {StreamClass::stamps};
  auto stamps = reader->merged(stamps_only);
  ASSERT_TRUE(stamps.next(event));
  EXPECT_EQ(event.stream, kStampsKey);
  EXPECT_FALSE(stamps.next(event));
}

TEST_F(RoundTrip, EqualTimesComeByStream) {
  auto writer = RecordingWriter::create(folder_, sample_info());
  ASSERT_OK(writer);
  const std::array stamps = {stamp_at(10, 0), stamp_at(20, 1)};
  for (const std::uint32_t vcpu : {2u, 0u, 1u}) {
    ASSERT_OK(writer->write_records<GuestStampRecord>({StreamClass::stamps, vcpu}, stamps, 0));
  }
  const std::array cycles = {exit_cycle_at(20)};
  ASSERT_OK(writer->write_records<trl_exit_cycle>({StreamClass::exits, 9}, cycles, 0));
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  auto cursor = reader->merged();
  std::vector<std::pair<std::uint64_t, StreamKey>> order;
  Event event;
  while (cursor.next(event))
    order.emplace_back(event.at.value, event.stream);
  const StreamKey exits{StreamClass::exits, 9};
  const auto stamps_of = [](std::uint32_t vcpu) { return StreamKey{StreamClass::stamps, vcpu}; };
  EXPECT_EQ(order, (std::vector<std::pair<std::uint64_t, StreamKey>>{{10, stamps_of(0)},
                                                                     {10, stamps_of(1)},
                                                                     {10, stamps_of(2)},
                                                                     {20, exits},
                                                                     {20, stamps_of(0)},
                                                                     {20, stamps_of(1)},
                                                                     {20, stamps_of(2)}}));
}

// ---- Losses
// ----------------------------------------------------------------------------------------------------

struct SeenGap {
  std::uint64_t after, until, lost;
  bool operator==(const SeenGap&) const = default;
};
std::vector<SeenGap> gaps_of(const RecordingReader& reader, StreamKey key) {
  std::vector<SeenGap> gaps;
  auto cursor = reader.events(key);
  Event event;
  while (cursor.next(event)) {
    if (const auto* gap = std::get_if<const Gap*>(&event.record)) {
      gaps.push_back({(*gap)->after.value, (*gap)->until.value, (*gap)->lost});
    }
  }
  EXPECT_TRUE(cursor.status());
  return gaps;
}

TEST_F(RoundTrip, LossesAreGapsBetweenPackets) {
  auto writer = RecordingWriter::create(folder_, sample_info());
  ASSERT_OK(writer);
  const StreamKey late{StreamClass::exits, 7};
  const StreamKey silent{StreamClass::exits, 8};
  const auto write = [&](StreamKey key, std::uint64_t ns, std::uint64_t lost) {
    const std::array cycles = {exit_cycle_at(ns)};
    return writer->write_records<trl_exit_cycle>(key, cycles, lost);
  };
  ASSERT_OK(write(kExitsKey, 1000, 0));
  ASSERT_OK(write(kExitsKey, 2000, 10));
  ASSERT_OK(write(kExitsKey, 3000, 10));
  ASSERT_OK(writer->write_packet(kExitsKey, {}, {}, {}, 15));  // dated as the last event
  ASSERT_OK(writer->write_packet(kExitsKey, {}, {}, {}, 15));  // nothing new: no packet
  ASSERT_OK(writer->write_packet(late, {}, {}, {}, 3));        // waits for the first event
  EXPECT_EQ(writer->last_written(late).value, 0u);
  ASSERT_OK(write(late, 2500, 4));
  ASSERT_OK(writer->write_packet(silent, {}, {}, {}, 6));  // waits for the end
  ASSERT_OK(writer->finish({HostNs{5000}, EndReason::finished, 25}));

  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  EXPECT_EQ(gaps_of(*reader, kExitsKey), (std::vector<SeenGap>{{1000, 2000, 10}, {3000, 3000, 5}}));
  EXPECT_EQ(gaps_of(*reader, late), (std::vector<SeenGap>{{2500, 2500, 4}}));
  EXPECT_EQ(gaps_of(*reader, silent), (std::vector<SeenGap>{{5000, 5000, 6}}));
  EXPECT_EQ(reader->lost(), 25u);
  EXPECT_EQ(reader->lost(StreamClass::exits), 25u);
  EXPECT_EQ(reader->lost(StreamClass::stamps), 0u);
  auto merged = reader->merged();
  std::uint64_t before = 0;
  for (Event event; merged.next(event); before = event.at.value)
    EXPECT_GE(event.at.value, before);
}

// ---- What the writer refuses
// ----------------------------------------------------------------------------------

TEST_F(RoundTrip, PacketsOutOfOrderAreRefusedAndLeaveNothing) {
  auto writer = RecordingWriter::create(folder_, sample_info());
  ASSERT_OK(writer);
  const std::array cycles = {exit_cycle_at(1000), exit_cycle_at(2000)};
  ASSERT_OK(writer->write_records<trl_exit_cycle>(kExitsKey, cycles, 5));
  EXPECT_EQ(writer->last_written(kExitsKey).value, 2000u);
  const std::uint64_t bytes = writer->bytes_written();

  const auto bytes_of = std::as_bytes(std::span(cycles));
  const std::array<std::span<const std::byte>, 1> whole = {bytes_of};
  const std::array<std::span<const std::byte>, 1> part = {bytes_of.first(79)};
  const std::vector<std::span<const std::byte>> many(RecordingWriter::kMaxChunks + 1, bytes_of);
  const HostNs from{1000};
  const HostNs to{2000};
  const StreamKey other{StreamClass::exits, 4};
  EXPECT_FALSE(writer->write_packet(kExitsKey, whole, from, to, 5)) << "older than the stream";
  EXPECT_FALSE(writer->write_packet(other, whole, to, from, 0)) << "last before first";
  EXPECT_FALSE(writer->write_packet(other, whole, HostNs{1001}, to, 0)) << "not the first event's time";
  EXPECT_FALSE(writer->write_packet(other, part, from, to, 0)) << "not whole events";
  EXPECT_FALSE(writer->write_packet(other, many, from, to, 0)) << "too many chunks";
  EXPECT_FALSE(writer->write_packet(kExitsKey, {}, {}, {}, 4)) << "losses run backwards";
  EXPECT_EQ(writer->bytes_written(), bytes);

  ASSERT_OK(writer->finish({HostNs{3000}, EndReason::finished, 5}));
  EXPECT_FALSE(writer->write(KvmStat{HostNs{4000}, 0, "x", 1})) << "finished";
  EXPECT_FALSE(writer->write_packet(other, whole, from, to, 0)) << "finished";
  EXPECT_FALSE(writer->finish({HostNs{3000}, EndReason::finished, 5})) << "finished";
  ASSERT_OK(RecordingReader::open(folder_));
}

// The disk is full in the middle of a packet: what was written of it is taken off again, and it can be
// retried.
TEST_F(RoundTrip, PacketThatDoesNotFitLeavesWholePackets) {
  auto writer = RecordingWriter::create(folder_, sample_info());
  ASSERT_OK(writer);
  const std::array first = {exit_cycle_at(1000)};
  const std::array second = {exit_cycle_at(2000), exit_cycle_at(2001)};
  ASSERT_OK(writer->write_records<trl_exit_cycle>(kExitsKey, first, 0));

  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit unlimited{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &unlimited), 0);
  const rlimit small{300, unlimited.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status refused = writer->write_records<trl_exit_cycle>(kExitsKey, second, 0);
  ::setrlimit(RLIMIT_FSIZE, &unlimited);
  ::signal(SIGXFSZ, handler);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("exits_cpu3: File too large"), std::string::npos)
      << refused.error().what;
  EXPECT_EQ(std::filesystem::file_size(folder_ / "exits_cpu3"), 168u);

  ASSERT_OK(writer->write_records<trl_exit_cycle>(kExitsKey, second, 0));
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  EXPECT_TRUE(reader->cut().empty());
  ASSERT_EQ(reader->streams().size(), 1u);
  EXPECT_EQ(reader->streams()[0].packets, 2u);
  EXPECT_EQ(reader->streams()[0].event_bytes, 3 * sizeof(trl_exit_cycle));
}

TEST_F(RoundTrip, ChunksAreOnePacket) {
  auto writer = RecordingWriter::create(folder_, sample_info());
  ASSERT_OK(writer);
  std::vector<trl_exit_cycle> cycles;
  for (std::uint64_t i = 0; i < 10; ++i)
    cycles.push_back(exit_cycle_at(1000 + i));
  const auto bytes = std::as_bytes(std::span(cycles));
  // As a ring has them when it wraps, and within an event.
  const std::array<std::span<const std::byte>, 4> chunks = {bytes.first(0), bytes.first(240),
                                                            bytes.subspan(240, 100), bytes.subspan(340)};
  ASSERT_OK(writer->write_packet(kExitsKey, chunks, HostNs{1000}, HostNs{1009}, 0));
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  ASSERT_EQ(reader->streams().size(), 1u);
  EXPECT_EQ(reader->streams()[0].packets, 1u);
  EXPECT_EQ(reader->streams()[0].event_bytes, bytes.size());
  EXPECT_EQ(reader->streams()[0].begin.value, 1000u);
  EXPECT_EQ(reader->streams()[0].end.value, 1009u);
  auto cursor = reader->events(kExitsKey);
  Event event;
  for (const auto& cycle : cycles) {
    ASSERT_TRUE(cursor.next(event));
    expect_same_bytes(*std::get<const trl_exit_cycle*>(event.record), cycle);
  }
  EXPECT_FALSE(cursor.next(event));
}

TEST_F(RoundTrip, LateSessionFactsAreDatedAsTheLastOne) {
  auto writer = RecordingWriter::create(folder_, sample_info());
  ASSERT_OK(writer);
  ASSERT_OK(writer->write(KvmStat{HostNs{500}, 0, std::string("a\0b", 3), 1}));
  ASSERT_OK(writer->write(KvmStat{HostNs{400}, 0, "", 2}));
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  ASSERT_EQ(reader->kvm_stats().size(), 2u);
  EXPECT_EQ(reader->kvm_stats()[0].name, "a");
  EXPECT_EQ(reader->kvm_stats()[1].name, "");
  EXPECT_EQ(reader->kvm_stats()[1].at.value, 500u);
  EXPECT_FALSE(reader->end()) << "nobody finished it";
}

TEST_F(RoundTrip, ManyEventsInManyPackets) {
  constexpr std::uint64_t kPackets = 400;
  constexpr std::uint64_t kEvents = 250;
  auto writer = RecordingWriter::create(folder_, sample_info());
  ASSERT_OK(writer);
  std::uint64_t ns = 1000;
  for (std::uint64_t packet = 0; packet < kPackets; ++packet) {
    std::vector<trl_exit_cycle> cycles;
    for (std::uint64_t i = 0; i < kEvents; ++i)
      cycles.push_back(exit_cycle_at(++ns));
    const StreamKey key{StreamClass::exits, static_cast<std::uint32_t>(packet % 3)};
    ASSERT_OK(writer->write_records<trl_exit_cycle>(key, cycles, 0));
  }
  const auto reader = RecordingReader::open(folder_);
  ASSERT_OK(reader);
  auto cursor = reader->merged();
  std::uint64_t expected = 1000;
  Event event;
  while (cursor.next(event))
    ASSERT_EQ(event.at.value, ++expected);
  ASSERT_OK(cursor.status());
  EXPECT_EQ(expected, 1000 + kPackets * kEvents);
}

}  // namespace
}  // namespace trapline::recording
