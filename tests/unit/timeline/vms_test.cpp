#include "tracer/timeline/vms.h"

#include "tests/unit/recording/sample_recording.h"

namespace trapline::tracer {
namespace {

using recording::RecordingReader;
using recording::RecordingWriter;

class VmsOfARecording : public testing::Test {
 protected:
  RecordedVms read(const std::vector<recording::Vm>& vms, const std::vector<recording::VcpuStarted>& vcpus,
                   bool exits = false) {
    const auto folder = scratch_ / "recording";
    auto writer =
        RecordingWriter::create(folder, recording::test::sample_info(), recording::IfExists::replace);
    EXPECT_TRUE(writer);
    for (const auto& vm : vms)
      EXPECT_TRUE(writer->write(vm));
    for (const auto& vcpu : vcpus)
      EXPECT_TRUE(writer->write(vcpu));
    const std::array cycles = {recording::test::exit_cycle_at(recording::test::kExitCycleNs)};
    if (exits) {
      EXPECT_TRUE(writer->write_records<trl_exit_cycle>(recording::test::kExitsKey, cycles, 0));
    }
    EXPECT_TRUE(writer->finish({HostNs{100}, recording::EndReason::finished, 0}));
    const auto reader = RecordingReader::open(folder);
    EXPECT_TRUE(reader);
    return reader ? vms_of(*reader) : RecordedVms{};
  }

  recording::test::TemporaryFolder scratch_;
};

TEST_F(VmsOfARecording, SaysWhoseVcpusTheNumbersAre) {
  const RecordedVms all =
      read({{HostNs{1}, 1, 20, recording::VmNamedBy::libvirt, "b"}, {HostNs{1}, 0, 10, {}, "a"}},
           {{HostNs{2}, 0, 11, 0, 0, 0, 0}, {HostNs{2}, 1, 21, 0, 0, 1, 0}, {HostNs{2}, 2, 22, 0, 0, 1, 1}});
  EXPECT_TRUE(all.several());
  EXPECT_EQ(all.vms[0].name, "a");
  EXPECT_EQ(all.find(1)->name, "b");
  EXPECT_EQ(all.vcpu(2), (VcpuOfVm{1, 1}));
  EXPECT_EQ(all.vcpu(1), (VcpuOfVm{1, 0}));
  EXPECT_EQ(all.vcpu(77), (VcpuOfVm{0, 77})) << "nothing tells of it";
}

TEST_F(VmsOfARecording, HasNoneWhereNothingWasRecorded) {
  EXPECT_TRUE(read({}, {}).vms.empty());
}

TEST_F(VmsOfARecording, HasOneVmWhereNothingIsTold) {
  const RecordedVms none = read({}, {}, true);
  ASSERT_EQ(none.vms.size(), 1u);
  EXPECT_EQ(none.vms[0].vm, 0);
  EXPECT_FALSE(none.several());
}

TEST_F(VmsOfARecording, HasANamelessVmForVcpusOfOneThatIsNotTold) {
  const RecordedVms all = read({}, {{HostNs{2}, 0, 11, 0, 0, 4, 0}});
  ASSERT_EQ(all.vms.size(), 1u);
  EXPECT_EQ(all.vms[0].vm, 4);
  EXPECT_TRUE(all.vms[0].name.empty());
}

}  // namespace
}  // namespace trapline::tracer
