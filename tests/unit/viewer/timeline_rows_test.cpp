#include "viewer/rows/timeline_rows.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/viewer/small_timeline.h"
#include "viewer/csv/csv_table.h"

namespace trapline::viewer {
namespace {

using test::SmallTimeline;

std::string as_csv(TimelineTable table, const SmallTimeline& timeline = {}) {
  test::StringSink sink;
  CsvTable csv(sink);
  TimelineRows rows(table, csv);
  timeline.play(rows);
  EXPECT_TRUE(csv.finish());
  return sink.text;
}

TEST(TimelineRows, TablesAreKnownByTheirNames) {
  for (std::size_t i = 0; i < kTimelineTables; ++i) {
    const auto table = static_cast<TimelineTable>(i);
    EXPECT_EQ(table_of(table_name(table)), table);
  }
  EXPECT_EQ(table_of("nonsense"), std::nullopt);
}

TEST(TimelineRows, OfStatesCountTimeFromTheBegin) {
  EXPECT_EQ(as_csv(TimelineTable::states),
            "vm,vcpu,begin_ns,end_ns,state\n"
            "0,0,0,100,guest\n"
            "0,0,100,130,kvm\n"
            "0,0,130,180,vmm\n"
            "0,0,180,200,kvm\n"
            "0,1,170,250,guest\n"
            "0,1,250,280,kvm\n"
            "0,0,200,300,guest\n");
}

TEST(TimelineRows, OfVcpusAddTheirStatesUp) {
  EXPECT_EQ(as_csv(TimelineTable::vcpus),
            "vm,vcpu,traced_ns,stamps,stamps_outside,worst_violation_ns\n"
            "0,0,300,0,0,0\n"
            "0,1,110,0,0,0\n");
}

TEST(TimelineRows, OfExitsHaveTheRawFieldsBesideTheirMeaning) {
  EXPECT_EQ(as_csv(TimelineTable::exits),
            "vm,vcpu,exit_ns,entry_ns,reason,key,cause,halts,open,rip,info1,info2,code,event_inj,"
            "exit_int_info,user_exit_ns,user_reason,vmm_begin_ns,vmm_end_ns\n"
            "0,0,100,200,io,port 0x10 out 1,guest,0,0,0xffffffff81000000,0x100220,0x0,0x0,0x0,0x0,120,"
            "KVM_EXIT_UNKNOWN,130,180\n"
            "0,1,250,300,hlt,,guest,0,1,0x0,0x0,0x0,0x0,0x0,0x0,,,,\n");
}

TEST(TimelineRows, OfExitsHaveNoRipWhereTheProbesHadNone) {
  SmallTimeline timeline;
  timeline.exit.record.flags = TRL_ISA_VMX | TRL_NO_RIP;
  timeline.exit.record.rip = 0;
  EXPECT_NE(as_csv(TimelineTable::exits, timeline).find("guest,0,0,,0x100220,"), std::string::npos);
}

TEST(TimelineRows, OfVmmStepsSayInWordsWhatWasDone) {
  EXPECT_EQ(as_csv(TimelineTable::vmm_steps),
            "vm,vcpu,begin_ns,end_ns,step,description,vector,arg\n"
            "0,0,130,150,1," +
                vmm::describe_step(vmm::VmmStep::read_trap, 0x80, 0xffffffff81000010) +
                ",0x80,0xffffffff81000010\n"
                "0,0,150,180,3," +
                vmm::describe_step(vmm::VmmStep::copy_context, 0x80, 0x67fd8) + ",0x80,0x67fd8\n");
}

TEST(TimelineRows, OfInjectionsIsrsAndEventsNameTheirStories) {
  EXPECT_EQ(as_csv(TimelineTable::injections),
            "vm,vcpu,entry_ns,vector,exception,reinjected,isr_entry_ns,interrupt\n"
            "0,1,170,65,0,0,,3\n"
            "0,0,200,64,0,0,210,1\n");
  EXPECT_EQ(as_csv(TimelineTable::isrs),
            "vm,vcpu,entry_ns,iret_ns,vector,name,workload,depth,complete,eoi_ns,interrupt\n"
            "0,0,220,230,128,0x80,workload 0,1,1,,2\n"
            "0,0,210,250,64,0x40,device,0,1,240,1\n");
  EXPECT_EQ(as_csv(TimelineTable::events),
            "vm,vcpu,workload,iteration,u0_ns,k1_ns,k2_ns,u3_ns,handler_vcpu,user_exits,kernel_exits,"
            "async_exits\n"
            "0,0,device,9,50,210,250,260,,1,0,0\n");
}

TEST(TimelineRows, OfInterruptsSayHowEachLinkWasMadeAndWhatIsMissing) {
  EXPECT_EQ(as_csv(TimelineTable::interrupts),
            "vm,vcpu,id,vector,name,source,raised_by_tid,raised_by_vcpu,raised_ns,raised_linked_by,"
            "accepted_ns,accepted_linked_by,kicked_ns,kicked_linked_by,injected_ns,injected_linked_by,"
            "isr_entry_ns,isr_entry_linked_by,eoi_ns,eoi_linked_by,iret_ns,iret_linked_by,complete,missing,"
            "coalesced,reinjections,delivered_twice,entries_masked,depth,posted,eoi_exit\n"
            "0,1,3,65,0x41,timer,,,,,160,tracepoint,,,170,entry,,,,,,,0,isr_entry+iret,0,0,0,0,0,0,0\n"
            "0,0,2,128,0x80,software,,,,,,,,,,,220,guest stamp,,,230,guest stamp,1,,0,0,0,0,0,0,0\n"
            "0,0,1,64,0x40,msi,77,,140,vmm mark,145,tracepoint,,,200,entry,210,guest stamp,240,guest stamp,"
            "250,guest stamp,1,,2,0,3,0,0,0,0\n");
}

// A stamp may be dated before the first clock sample: that is told, not wrapped around.
TEST(TimelineRows, NameVmAndVcpuAsKvmDoes) {
  SmallTimeline timeline;
  timeline.head.machines = test::two_vms();
  test::StringSink sink;
  CsvTable csv(sink);
  TimelineRows rows(TimelineTable::vcpus, csv);
  timeline.play(rows);
  ASSERT_TRUE(csv.finish());
  EXPECT_EQ(sink.text,
            "vm,vcpu,traced_ns,stamps,stamps_outside,worst_violation_ns\n"
            "2,5,300,0,0,0\n"
            "3,0,110,0,0,0\n");
}

TEST(TimelineRows, MayBeginBeforeTheTimeline) {
  SmallTimeline timeline;
  timeline.event.u0 = HostNs{900};
  EXPECT_NE(as_csv(TimelineTable::events, timeline).find("device,9,-100,210"), std::string::npos);
}

}  // namespace
}  // namespace trapline::viewer
