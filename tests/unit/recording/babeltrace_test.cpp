// The independent check: babeltrace2 reads what the writer wrote, and sees the same events, values and
// losses.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>
#include <vector>

#include "base/fd.h"
#include "sample_recording.h"
#include "tracer/recording/writer.h"

extern char** environ;

namespace trapline::recording {
namespace {

using namespace test;

constexpr int kNotInstalled = 127;

struct Babeltrace {
  int status = -1;
  std::vector<std::string> lines;
  std::string complaints;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

class BabeltraceTest : public testing::Test {
 protected:
  // Runs `babeltrace2 --clock-cycles --no-delta <recording>`, without a shell.
  Babeltrace babeltrace() {
    const std::string out = scratch_ / "out";
    const std::string err = scratch_ / "err";
    std::string arguments[] = {"babeltrace2", "--clock-cycles", "--no-delta", folder_.string()};
    char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), arguments[3].data(),
                    nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child = 0;
    const int error = ::posix_spawnp(&child, "babeltrace2", &actions, nullptr, argv, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    Babeltrace result;
    if (error != 0) {
      result.status = kNotInstalled;
      return result;
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result.lines = lines_of(content_of(out));
    result.complaints = content_of(err);
    return result;
  }

  TemporaryFolder scratch_;
  std::filesystem::path folder_ = scratch_ / "recording";
};

#define SKIP_WITHOUT_BABELTRACE(result) \
  if ((result).status == kNotInstalled) \
  GTEST_SKIP() << "babeltrace2 is not installed (apt-get install babeltrace2)"

std::string time_of(std::uint64_t ns) {
  std::string digits = std::to_string(ns);
  return "[" + std::string(20 - digits.size(), '0') + digits + "] host ";
}

// Written by hand from sample_recording.h, not from the schema: what each field must be called and hold.
std::vector<std::string> sample_as_babeltrace_prints_it() {
  const std::string cpu = "{ cpu_id = 3 }, { vcpu = 1, tid = 4242 }, { ";
  const std::string cycle =
      "rip = 0xFFFFFFFF81000010, info1 = 0x3F80010, info2 = 0x123456789ABCDEF0, reason = 0x7B, "
      "exit_int_info = 0x80000020, event_inj = 0x80000040, rax = 0x11, rcx = 0x22, user_reason = 2, flags = "
      "0x5 }";
  const std::string session = "{ reserved = 0 }, { vcpu = 65535, tid = 0 }, { ";
  return {
      time_of(1000) + "exit_cycle: " + cpu + "exit_ns = 970, user_exit_ns = 980, " + cycle,
      time_of(1010) + "cycle_open: " + cpu + "exit_ns = 980, user_exit_ns = 990, " + cycle,
      time_of(1020) + "set_irq: " + cpu + "cpu = 3, irq_source_id = 6, gsi = 5, level = 1 }",
      time_of(1030) + "msi_set_irq: " + cpu + "cpu = 3, reserved = 0, address = 0xFEE00000, data = 0x4041 }",
      time_of(1040) + "accept_irq: " + cpu +
          "cpu = 3, target_vcpu = 7, vector = 65, delivery_mode = 4, trigger_mode = 1, posted = 1 }",
      time_of(1050) + "eoi: " + cpu + "cpu = 3, target_vcpu = 8, vector = 66, reserved = 0 }",
      time_of(1060) + "pv_eoi: " + cpu + "cpu = 3, target_vcpu = 9, vector = 67, reserved = 0 }",
      time_of(1070) + "wakeup: " + cpu + "cpu = 3, reserved = 0, halted_ns = 12345, wakeup_flags = 0x3 }",
      time_of(1080) + "halt_poll: " + cpu + "cpu = 3, reserved = 0, new_ns = 20000, old_ns = 10000 }",
      time_of(1090) + "sched_out: " + cpu + "cpu = 3, reserved = 0, task_state = 0x2, reserved2 = 0 }",
      time_of(1100) + "sched_in: " + cpu + "cpu = 3, reserved = 0, reserved2 = 0, reserved3 = 0 }",
      time_of(1110) + "waking: " + cpu + "cpu = 3, waker_tid = 4343, reserved = 0, reserved2 = 0 }",
      time_of(1120) + "tsc_offset: " + cpu +
          "cpu = 3, reserved = 0, previous_offset = -100, next_offset = -200 }",
      time_of(1130) + "run_entered: " + cpu + "cpu = 3, reserved = 0, reserved2 = 0, reserved3 = 0 }",
      time_of(1140) + "vcpu_ended: " + cpu + "cpu = 3, reserved = 0, reserved2 = 0, reserved3 = 0 }",
      time_of(1200) +
          "guest_stamp: { vcpu = 0 }, { vcpu = 0, tid = 0 }, { tsc = 777033, arg = 0xABCD, seq = 33, "
          "kind = 2, vector = 64, workload = 5, reserved = 0 }",
      time_of(1300) +
          "exit_handled: { vcpu = 1 }, { vcpu = 1, tid = 4242 }, { left_tsc = 5000, entered_tsc = 5100 }",
      time_of(1310) +
          "interrupt_raised: { vcpu = 65535 }, { vcpu = 65535, tid = 4444 }, { tsc = 5200, kind = 2, "
          "reserved = 0, gsi_or_vector = 65 }",
      time_of(1320) +
          "vmm_step: { vcpu = 1 }, { vcpu = 1, tid = 0 }, { begin_tsc = 5300, end_tsc = 5400, arg = 0xF5, "
          "step = 7, vector = 7, count_kind = 1, reserved = 0 }",
      time_of(2000) + "clock_sample: " + session + "tsc = 9000, ns = 2000, half_width_tsc = 15 }",
      time_of(2010) +
          "vcpu_started: { reserved = 0 }, { vcpu = 1, tid = 4242 }, { tsc_offset = -9876543210, "
          "guest_tsc_khz = 2999999, vm = 2, vcpu_id = 6 }",
      time_of(2020) + "workload: " + session +
          "guest_workload = 5, index = 2, count = 1000, name = \"timer\" }",
      time_of(2030) +
          "guest_count: { reserved = 0 }, { vcpu = 1, tid = 0 }, { kind = 1, key = 0x3F8, count = 1001 }",
      time_of(2040) +
          "kvm_stat: { reserved = 0 }, { vcpu = 1, tid = 0 }, { value = 1002, name = \"halt_exits\" }",
      time_of(2050) + "stream_loss: " + session + "source = 3, instance = 1, count = 1003 }",
      time_of(2060) + "probe_cost: " + session +
          "per_exit_ns = -12, traced_ns = 3900, untraced_ns = 3912, exits = 20000 }",
      time_of(2070) + "vm: " + session + "pid = 4200, vm = 2, named_by = 2, name = \"a guest\" }",
      time_of(2080) + "recording_end: " + session + "reason = 2, reserved = 0, records_lost = 1004 }",
  };
}

TEST_F(BabeltraceTest, SeesEveryEventAndEveryField) {
  ASSERT_OK(write_sample(folder_));
  const Babeltrace result = babeltrace();
  SKIP_WITHOUT_BABELTRACE(result);
  EXPECT_EQ(result.status, 0) << result.complaints;
  EXPECT_EQ(result.complaints, "");
  const auto expected = sample_as_babeltrace_prints_it();
  ASSERT_EQ(expected.size(), kSampleEvents);
  ASSERT_EQ(result.lines.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(result.lines[i], expected[i]);
}

TEST_F(BabeltraceTest, CountsLostEvents) {
  auto writer = RecordingWriter::create(folder_, sample_info());
  ASSERT_OK(writer);
  const auto write = [&](std::uint32_t cpu, std::uint64_t ns, std::uint64_t lost) {
    const std::array cycles = {exit_cycle_at(ns)};
    return writer->write_records<trl_exit_cycle>({StreamClass::exits, cpu}, cycles, lost);
  };
  ASSERT_OK(write(0, 1000, 3));  // before the first packet
  ASSERT_OK(write(0, 2000, 13));
  ASSERT_OK(writer->write_packet({StreamClass::exits, 0}, {}, {}, {}, 20));  // after the last event
  ASSERT_OK(writer->write_packet({StreamClass::exits, 1}, {}, {}, {}, 5));   // no event at all
  ASSERT_OK(writer->finish({HostNs{3000}, EndReason::finished, 25}));
  const Babeltrace result = babeltrace();
  SKIP_WITHOUT_BABELTRACE(result);
  EXPECT_EQ(result.status, 0) << result.complaints;
  EXPECT_EQ(result.lines.size(), 3u);
  for (const char* loss :
       {"discarded 3 events", "discarded 10 events", "discarded 7 events", "discarded 5 events"}) {
    EXPECT_NE(result.complaints.find(loss), std::string::npos) << loss << " in: " << result.complaints;
  }
}

TEST_F(BabeltraceTest, TakesHostileStrings) {
  RecordingInfo info = sample_info();
  info.hostname = "a\"; };\nenv { x = \"\\";
  for (int byte = 1; byte < 256; ++byte)
    info.command_line += static_cast<char>(byte);
  auto writer = RecordingWriter::create(folder_, info);
  ASSERT_OK(writer);
  ASSERT_OK(writer->write(KvmStat{HostNs{1000}, 0, "na\"me", 1}));
  ASSERT_OK(writer->finish({HostNs{2000}, EndReason::finished, 0}));
  const Babeltrace result = babeltrace();
  SKIP_WITHOUT_BABELTRACE(result);
  EXPECT_EQ(result.status, 0) << result.complaints;
  EXPECT_EQ(result.complaints, "");
  ASSERT_EQ(result.lines.size(), 4u) << "two events, in each the host's name with its line break";
  EXPECT_TRUE(result.lines[0].ends_with("a\"; };")) << result.lines[0];
  EXPECT_TRUE(result.lines[1].starts_with("env { x = \"\\ kvm_stat: ")) << result.lines[1];
}

TEST_F(BabeltraceTest, ReadsARecordingThatWasKilledBetweenPackets) {
  {
    auto writer = RecordingWriter::create(folder_, sample_info());
    ASSERT_OK(writer);
    ASSERT_OK(write_sample_events(*writer));
  }
  const Babeltrace result = babeltrace();
  SKIP_WITHOUT_BABELTRACE(result);
  EXPECT_EQ(result.status, 0) << result.complaints;
  EXPECT_EQ(result.lines.size(), kSampleStreamEvents);
}

}  // namespace
}  // namespace trapline::recording
