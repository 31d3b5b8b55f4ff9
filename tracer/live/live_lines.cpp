#include "tracer/live/live_lines.h"

#include <algorithm>
#include <map>
#include <set>

#include "tracer/exits/events.h"
#include "tracer/exits/vectors.h"

namespace trapline::tracer {
namespace {

void add_exits(LiveLine& line, const LiveExits& exits) {
  line.count += exits.figures.count;
  line.to_user += exits.to_user;
  line.time_ns += exits.time_ns;
}

std::uint64_t lived_by_all(const LiveInterval& interval) {
  std::uint64_t sum = 0;
  for (const LiveVcpu& vcpu : interval.vcpus)
    sum += vcpu.lived_ns;
  return sum;
}

void add_time(LiveLine& line, const LiveVcpu& vcpu) {
  line.guest_ns += vcpu.guest_ns;
  line.kvm_ns += vcpu.kvm_ns;
  line.user_ns += vcpu.user_ns;
  line.halted_ns += vcpu.halted_ns;
  line.lived_ns += vcpu.lived_ns;
  ++line.vcpus;
}

std::vector<LiveLine> by_reason(const LiveInterval& interval, bool ports) {
  std::map<std::string, LiveLine> lines;
  std::map<std::string, std::set<std::uint16_t>> vcpus;
  for (const LiveExits& exits : interval.exits) {
    if (ports && !exits.io) continue;
    const std::string name = ports ? io_key(*exits.io) : exits.reason;
    LiveLine& line = lines[name];
    line.name = name;
    line.halts = exits.halts;
    add_exits(line, exits);
    line.figures.add(exits.figures);
    if (exits.halts) {
      line.halted_ns += exits.time_ns;
    } else {
      line.user_ns += exits.user_ns;
      line.kvm_ns += exits.time_ns - exits.user_ns;
    }
    vcpus[name].insert(exits.vcpu);
  }
  std::vector<LiveLine> result;
  for (auto& [name, line] : lines) {
    line.lived_ns = lived_by_all(interval);
    line.vcpus = static_cast<std::uint32_t>(vcpus[name].size());
    result.push_back(std::move(line));
  }
  return result;
}

std::string event_name(std::uint32_t event) {
  const EventField field = decode_event(event | 1u << 31);
  if (field.type == EventType::interrupt || field.type == EventType::exception)
    return vector_name(field.vector);
  if (field.type == EventType::nmi) return std::string(event_type_name(field.type));
  return vector_name(field.vector) + " " + std::string(event_type_name(field.type));
}

std::vector<LiveLine> by_vector(const LiveInterval& interval) {
  std::map<std::uint32_t, LiveLine> lines;
  for (const LiveVector& vector : interval.vectors) {
    LiveLine& line = lines[vector.event];
    line.name = event_name(vector.event);
    line.count += vector.injected;
    line.accepted += vector.accepted;
    line.posted += vector.posted;
    line.figures.add(vector.figures);
    ++line.vcpus;
  }
  std::vector<LiveLine> result;
  result.reserve(lines.size());
  for (auto& [event, line] : lines)
    result.push_back(std::move(line));
  return result;
}

// Of one vCPU, exits included.
LiveLine line_of(const LiveInterval& interval, const LiveVcpu& vcpu) {
  LiveLine line;
  add_time(line, vcpu);
  for (const LiveExits& exits : interval.exits) {
    if (exits.vcpu != vcpu.number) continue;
    add_exits(line, exits);
    if (!exits.halts) line.figures.add(exits.figures);
  }
  return line;
}

void add_line(LiveLine& sum, const LiveLine& line) {
  sum.count += line.count;
  sum.to_user += line.to_user;
  sum.time_ns += line.time_ns;
  sum.figures.add(line.figures);
}

std::vector<LiveLine> by_vcpu(const LiveInterval& interval) {
  std::map<std::uint32_t, std::string> names;
  for (const LiveVm& vm : interval.vms)
    names[vm.number] = vm.name;
  std::vector<LiveLine> lines;
  for (const LiveVcpu& vcpu : interval.vcpus) {
    LiveLine line = line_of(interval, vcpu);
    line.vm = names[vcpu.vm];
    line.vcpu_id = vcpu.vcpu_id;
    line.thread = vcpu.tid;
    line.name = line.vm + " vCPU " + std::to_string(vcpu.vcpu_id);
    lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<LiveLine> by_vm(const LiveInterval& interval) {
  std::vector<LiveLine> lines;
  for (const LiveVm& vm : interval.vms) {
    LiveLine& line = lines.emplace_back();
    line.name = line.vm = vm.name;
    line.thread = vm.pid;
    for (const LiveVcpu& vcpu : interval.vcpus) {
      if (vcpu.vm != vm.number) continue;
      add_time(line, vcpu);
      add_line(line, line_of(interval, vcpu));
    }
  }
  return lines;
}

}  // namespace

const LiveViewRow& live_view(LiveView view) {
  return *std::ranges::find(kLiveViews, view, &LiveViewRow::view);
}

std::vector<LiveLine> lines_of(const LiveInterval& interval, LiveView view) {
  switch (view) {
    case LiveView::reason:
      return by_reason(interval, false);
    case LiveView::vcpu:
      return by_vcpu(interval);
    case LiveView::vector:
      return by_vector(interval);
    case LiveView::port:
      return by_reason(interval, true);
    case LiveView::vm:
      break;
  }
  return by_vm(interval);
}

LiveLine total_of(const LiveInterval& interval) {
  LiveLine total;
  for (const LiveVcpu& vcpu : interval.vcpus)
    add_time(total, vcpu);
  for (const LiveExits& exits : interval.exits) {
    add_exits(total, exits);
    if (!exits.halts) total.figures.add(exits.figures);
  }
  return total;
}

}  // namespace trapline::tracer
