// trapline report DIR: the figures of a recording.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "cli/chosen_recording.h"
#include "cli/subcommands.h"

namespace trapline::cli {
namespace {

// A large kernel with debug symbols has some hundred thousand of them.
constexpr std::size_t kLargestSymbolFile = std::size_t{256} << 20;

struct ReportOptions {
  std::string folder;
  bool json = false;
  std::vector<std::string> by;
  std::vector<std::uint16_t> vcpus;
  std::vector<std::uint16_t> vms;
  std::string sort = std::string(analysis::sort_column_names().front());
  std::optional<std::size_t> top;
  std::string symbols;
  std::string symbols_offset;
};

// "0x1e000000" or "503316480"; with a minus the kernel was moved down.
Result<std::uint64_t> parse_offset(std::string_view text) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  const bool hex = digits.starts_with("0x");
  if (hex) digits.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (error == std::errc{} && end == digits.data() + digits.size()) return negative ? 0 - value : value;
  return fail(fmt::format("--symbols-offset {} is no number", text),
              "give by how many bytes the guest's kernel lies higher than the file says, as 0x1e000000",
              ExitStatus::wrong_usage);
}

Result<analysis::GuestSymbols> symbols_of(const ReportOptions& options) {
  if (options.symbols.empty()) {
    if (options.symbols_offset.empty()) return analysis::GuestSymbols{};
    return fail("--symbols-offset without --symbols", "give the file of symbols that it is about",
                ExitStatus::wrong_usage);
  }
  std::uint64_t offset = 0;
  if (!options.symbols_offset.empty()) {
    TRAPLINE_ASSIGN(parsed, parse_offset(options.symbols_offset));
    offset = parsed;
  }
  TRAPLINE_ASSIGN(text, read_text_file(options.symbols, kLargestSymbolFile));
  return analysis::GuestSymbols::parse(text, options.symbols, offset);
}

Result<ExitStatus> report(const ReportOptions& options) {
  TRAPLINE_ASSIGN(reader, recording::RecordingReader::open(options.folder));
  ReportChoice choice;
  choice.json = options.json;
  for (const std::string& name : options.by) {
    const auto key = *analysis::exit_key_of(name);
    if (std::ranges::find(choice.figures.by, key) == choice.figures.by.end())
      choice.figures.by.push_back(key);
  }
  TRAPLINE_ASSIGN(vcpus, chosen_vcpus(reader, options.vcpus, options.vms));
  choice.figures.vcpus = std::move(vcpus);
  choice.view.sort = *analysis::sort_column_of(options.sort);
  choice.view.top = options.top;
  TRAPLINE_ASSIGN(symbols, symbols_of(options));
  choice.view.symbols = std::move(symbols);
  TRAPLINE_TRY(print_report(reader, choice));
  return ExitStatus::done;
}

std::string described_keys() {
  std::string text = "Sum up exits by these, KEY,..:";
  for (const std::string_view name : analysis::exit_key_names())
    text += fmt::format("\n  {:<10} {}", name, analysis::exit_key_summary(*analysis::exit_key_of(name)));
  return text;
}

std::vector<std::string> strings(std::span<const std::string_view> names) {
  return {names.begin(), names.end()};
}

}  // namespace

Subcommand add_report(CLI::App& program) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* app = program.add_subcommand("report", "Print the figures of a recording");
  app->add_option("DIR", options->folder, "The recording")->required();
  app->add_option("--by", options->by, described_keys())
      ->delimiter(',')
      ->allow_extra_args(false)  // or it would take DIR, too
      ->check(CLI::IsMember(strings(analysis::exit_key_names())));
  app->add_option("--sort", options->sort,
                  "Order of the rows of exits, the largest first; time (of handling) if not given")
      ->check(CLI::IsMember(strings(analysis::sort_column_names())));
  app->add_option("--top", options->top, "So many rows of exits, and of guest code for each reason")
      ->check(CLI::PositiveNumber);
  add_vcpu_options(*app, options->vcpus, options->vms);
  app->add_option("--symbols", options->symbols,
                  "The guest kernel's System.map, or a copy of its /proc/kallsyms: names for guest code");
  app->add_option("--symbols-offset", options->symbols_offset,
                  "By how many bytes the guest's kernel lies higher than that file says (KASLR)");
  app->add_flag("--json", options->json, "As JSON (schema trapline.report/1, docs/report.md)");
  return {app, [options] { return report(*options); }};
}

}  // namespace trapline::cli
