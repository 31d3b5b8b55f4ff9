#include "cli/chosen_recording.h"

#include <fmt/format.h>

#include <algorithm>

#include "viewer/json/report_json.h"
#include "viewer/tables/report_table.h"

namespace trapline::cli {

Result<ChosenRecording> open_recording(const std::filesystem::path& folder) {
  TRAPLINE_ASSIGN(reader, recording::RecordingReader::open(folder));
  TRAPLINE_ASSIGN(timeline, tracer::build_timeline(reader));
  return ChosenRecording{std::move(reader), std::move(timeline)};
}

Status print_report(const recording::RecordingReader& reader, const ReportChoice& choice) {
  TRAPLINE_ASSIGN(summary, analysis::summarize(reader, choice.figures));
  if (!choice.json) {
    fmt::print("{}", viewer::report_text(summary, choice.view));
    return {};
  }
  // A recording's strings may hold any bytes; what is not UTF-8 becomes U+FFFD.
  constexpr auto replace = nlohmann::json::error_handler_t::replace;
  fmt::print("{}\n", viewer::report_json(summary, choice.view).dump(2, ' ', false, replace));
  return {};
}

Status print_report(const std::filesystem::path& folder, bool json) {
  TRAPLINE_ASSIGN(reader, recording::RecordingReader::open(folder));
  ReportChoice choice;
  choice.json = json;
  return print_report(reader, choice);
}

void add_vcpu_options(CLI::App& app, std::vector<std::uint16_t>& vcpus, std::vector<std::uint16_t>& vms) {
  app.add_option("--vcpu", vcpus, "These vCPUs only: N,.., as KVM numbers them")
      ->delimiter(',')
      ->allow_extra_args(false);  // or it would take DIR, too
  app.add_option("--vm", vms, "These VMs only: N,.., as the recording numbers them")
      ->delimiter(',')
      ->allow_extra_args(false);
}

Result<std::vector<std::uint16_t>> chosen_vcpus(const recording::RecordingReader& reader,
                                                const std::vector<std::uint16_t>& vcpus,
                                                const std::vector<std::uint16_t>& vms) {
  const tracer::RecordedVms known = tracer::vms_of(reader);
  const auto has = [](const std::vector<std::uint16_t>& wanted, std::uint16_t number) {
    return std::ranges::find(wanted, number) != wanted.end();
  };
  const auto missing = [&](std::string_view what, std::uint16_t number, std::size_t count) {
    return fail(fmt::format("{} has no {} {}", reader.folder().string(), what, number),
                fmt::format("it has {} {}s", count, what), ExitStatus::wrong_usage);
  };
  for (const std::uint16_t vm : vms) {
    if (known.find(vm) == nullptr) return missing("VM", vm, known.vms.size());
  }
  for (const std::uint16_t vcpu : vcpus) {
    if (!std::ranges::any_of(known.vcpus, [&](const auto& one) { return one.second.vcpu_id == vcpu; }))
      return missing("vCPU", vcpu, known.vcpus.size());
  }
  std::vector<std::uint16_t> chosen;
  if (vcpus.empty() && vms.empty()) return chosen;
  for (const auto& [number, vcpu] : known.vcpus) {
    if ((vcpus.empty() || has(vcpus, vcpu.vcpu_id)) && (vms.empty() || has(vms, vcpu.vm)))
      chosen.push_back(number);
  }
  if (!chosen.empty()) return chosen;
  return fail(fmt::format("{} has no vCPU of these numbers in these VMs", reader.folder().string()),
              "leave out --vm or --vcpu to see which there are", ExitStatus::wrong_usage);
}

}  // namespace trapline::cli
