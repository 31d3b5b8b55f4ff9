#include "cli/probe_arguments.h"

#include <cstdlib>
#include <string>

namespace trapline::cli {
namespace {

std::string complaint_about_ring(const std::string& text) {
  const unsigned long value = std::strtoul(text.c_str(), nullptr, 10);
  const bool good = value >= 16 && value <= 1u << 24 && (value & (value - 1)) == 0;
  return good ? std::string{} : std::string("must be a power of two from 16 to 16777216");
}

}  // namespace

void add_ring_option(CLI::App& app, std::uint32_t& ring_records) {
  app.add_option("--ring", ring_records, "Exits that each CPU's ring holds, a power of two")
      ->check(CLI::Validator(complaint_about_ring, "POWER OF TWO"))
      ->capture_default_str();
}

void add_light_option(CLI::App& app, bool& light) {
  app.add_flag(
      "--light", light,
      "On VMX: probes that cost less, and cannot tell the RIP of exits (on SVM there is one kind only)");
}

void add_no_probe_cost_option(CLI::App& app, bool& no_probe_cost) {
  app.add_flag("--no-probe-cost", no_probe_cost, "Do not measure first what recording costs here");
}

}  // namespace trapline::cli
