#include "tracer/recording/schema.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "bpf/record.h"
#include "sample_recording.h"
#include "tracer/recording/records.h"

namespace trapline::recording {
namespace {

TEST(Schema, HeadIsTheProbesHead) {
  std::size_t offset = 0;
  for (const FieldRow& field : head_fields()) {
    EXPECT_EQ(field.offset, offset) << field.name;
    offset += field.size;
  }
  EXPECT_EQ(offset, sizeof(trl_record_head));
}

TEST(Schema, FieldsTileEachRecordExactly) {
  for (const EventRow& event : event_classes()) {
    std::size_t offset = sizeof(trl_record_head);
    for (const FieldRow& field : event.fields) {
      EXPECT_EQ(field.offset, offset) << event.name << "." << field.name;
      offset += field.size;
    }
    EXPECT_EQ(offset, event.size) << event.name;
  }
}

TEST(Schema, RecordSizesAreTheStructs) {
  const std::map<std::string_view, std::size_t> sizes = {
      {"exit_cycle", sizeof(trl_exit_cycle)},
      {"cycle_open", sizeof(trl_exit_cycle)},
      {"guest_stamp", sizeof(GuestStampRecord)},
      {"exit_handled", sizeof(ExitHandledRecord)},
      {"interrupt_raised", sizeof(InterruptRaisedRecord)},
      {"vmm_step", sizeof(VmmStepRecord)},
      {"clock_sample", sizeof(ClockSampleRecord)},
      {"vcpu_started", sizeof(VcpuStartedRecord)},
      {"vm", sizeof(VmRecord)},
      {"workload", sizeof(WorkloadRecord)},
      {"guest_count", sizeof(GuestCountRecord)},
      {"kvm_stat", sizeof(KvmStatRecord)},
      {"stream_loss", sizeof(StreamLossRecord)},
      {"probe_cost", sizeof(ProbeCostRecord)},
      {"recording_end", sizeof(RecordingEndRecord)},
  };
  for (const EventRow& event : event_classes()) {
    const auto row = sizes.find(event.name);
    EXPECT_EQ(event.size, row == sizes.end() ? sizeof(trl_kvm_event) : row->second) << event.name;
    EXPECT_EQ(event.stream == StreamClass::kvm && row == sizes.end(),
              event.id >= TRL_SET_IRQ && event.id <= TRL_VCPU_ENDED)
        << event.name;
  }
  EXPECT_EQ(event_classes().size(), test::kSampleEvents);
}

TEST(Schema, NamesAndIdsAreUnique) {
  std::set<std::uint16_t> ids;
  std::set<std::string_view> names;
  for (const EventRow& event : event_classes()) {
    EXPECT_TRUE(ids.insert(event.id).second) << event.name;
    EXPECT_TRUE(names.insert(event.name).second) << event.name;
    EXPECT_EQ(find_event(event.id), &event);
    std::set<std::string_view> fields;
    for (const FieldRow& field : event.fields) {
      EXPECT_TRUE(fields.insert(field.name).second) << event.name << "." << field.name;
      const bool is_text = field.kind == FieldKind::text;
      EXPECT_EQ(is_text, field.size == 0) << event.name << "." << field.name;
      EXPECT_TRUE(!is_text || &field == &event.fields.back())
          << event.name << ": only the last field can be a text";
      EXPECT_TRUE(!is_text || event.stream == StreamClass::session)
          << event.name << ": other streams are aligned";
    }
    EXPECT_TRUE(event.stream == StreamClass::session || event.size % 8 == 0) << event.name;
  }
}

TEST(Schema, UnknownIdsHaveNoRow) {
  for (const int id : {0, 16, 19, 21, 27, 31, 41, 63, 64, 65, 255, 256, 0xffff}) {
    EXPECT_EQ(find_event(static_cast<std::uint16_t>(id)), nullptr) << id;
  }
}

TEST(Schema, FileNamesReadBack) {
  const std::vector<std::pair<StreamKey, std::string>> names = {
      {{StreamClass::exits, 0}, "exits_cpu0"},
      {{StreamClass::kvm, 127}, "kvm_cpu127"},
      {{StreamClass::stamps, 3}, "stamps_vcpu3"},
      {{StreamClass::vmm, 4}, "vmm_vcpu4"},
      {{StreamClass::vmm, kDeviceThreads}, "vmm_devices"},
      {{StreamClass::session, 0}, "session"},
      {{StreamClass::steps, 5}, "steps_vcpu5"},
  };
  for (const auto& [key, name] : names) {
    EXPECT_EQ(stream_file_name(key), name);
    EXPECT_EQ(stream_of_file_name(name), key) << name;
  }
  for (const char* other :
       {"metadata", "exits_cpu", "exits_cpu01", "exits_cpu-1", "exits_cpu1x", "exits_cpu 1",
        "exits_cpu99999999999", "session0", "vmm_vcpu65535", "", "notes.txt", ".exits_cpu0"}) {
    EXPECT_EQ(stream_of_file_name(other), std::nullopt) << other;
  }
}

// ---- docs/recording-format.md against the table
// ----------------------------------------------------------------

// The rows "| offset | size | `name` | ..." under the heading "### `event` ...", by event; "head" is the
// heading of the fields that all events begin with.
using DocumentedFields = std::map<std::string, std::vector<std::string>>;

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) {
    std::erase_if(cell, [](char c) { return c == ' ' || c == '`'; });
    cells.push_back(cell);
  }
  return cells;
}

DocumentedFields documented_fields(std::map<std::string, std::string>& headings) {
  DocumentedFields events;
  std::istringstream document(
      test::content_of(std::string(TRAPLINE_SOURCE_DIR) + "/docs/recording-format.md"));
  std::string event;
  for (std::string line; std::getline(document, line);) {
    if (line.starts_with("#")) {
      event.clear();
      if (line.starts_with("#### `")) {
        event = line.substr(6, line.find('`', 6) - 6);
        headings[event] = line;
      }
    }
    if (event.empty() || !line.starts_with("| ") || line.find_first_of("0123456789") != 2) continue;
    const auto cells = cells_of(line);
    if (cells.size() >= 3) events[event].push_back(fmt::format("{} {} {}", cells[0], cells[1], cells[2]));
  }
  return events;
}

std::vector<std::string> rows_of(std::span<const FieldRow> fields) {
  std::vector<std::string> rows;
  for (const FieldRow& field : fields) {
    rows.push_back(field.kind == FieldKind::text
                       ? fmt::format("{} text {}", field.offset, field.name)
                       : fmt::format("{} {} {}", field.offset, field.size, field.name));
  }
  return rows;
}

TEST(Schema, DocumentDescribesEveryField) {
  std::map<std::string, std::string> headings;
  DocumentedFields documented = documented_fields(headings);
  EXPECT_EQ(documented["head"], rows_of(head_fields()));
  for (const EventRow& event : event_classes()) {
    const std::string name(event.name);
    EXPECT_EQ(documented[name], rows_of(event.fields)) << name;
    const std::string expected =
        fmt::format("(id {}, {}{} bytes)", event.id, event.size, event.has_text() ? " + text" : "");
    EXPECT_NE(headings[name].find(expected), std::string::npos) << name << ": " << headings[name];
  }
  EXPECT_EQ(headings.size(), event_classes().size() + 1)
      << "the document has an event that the table has not";
}

}  // namespace
}  // namespace trapline::recording
