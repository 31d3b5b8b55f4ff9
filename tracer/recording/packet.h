// The bytes before a packet's events: CTF packet header and packet context, of one layout in all streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "tracer/recording/info.h"
#include "tracer/recording/schema.h"

namespace trapline::recording {

inline constexpr std::uint32_t kPacketMagic = 0xC1FC1FC1;  // CTF 1.8.3, section 5.1
inline constexpr std::string_view kMetadataFile = "metadata";

struct PacketHeader {
  // trace.packet.header
  std::uint32_t magic = kPacketMagic;
  Uuid uuid{};
  std::uint32_t stream_id = 0;
  std::uint64_t stream_instance_id = 0;
  // stream.packet.context
  std::uint64_t timestamp_begin = 0;   // of the first event
  std::uint64_t timestamp_end = 0;     // of the last event
  std::uint64_t content_size = 0;      // bits, header and context included
  std::uint64_t packet_size = 0;       // bits; the same: packets are not padded
  std::uint64_t events_discarded = 0;  // lost in this stream instance from its beginning to this packet's end
  std::uint64_t packet_seq_num = 0;    // from 0
  std::uint64_t instance = 0;          // cpu_id or vcpu
};
// A multiple of 8, so that events of 8-byte multiples stay aligned in a mapped file.
static_assert(sizeof(PacketHeader) == 88);
static_assert(offsetof(PacketHeader, uuid) == 4 && offsetof(PacketHeader, stream_id) == 20 &&
              offsetof(PacketHeader, stream_instance_id) == 24 &&
              offsetof(PacketHeader, timestamp_begin) == 32 && offsetof(PacketHeader, content_size) == 48 &&
              offsetof(PacketHeader, events_discarded) == 64 && offsetof(PacketHeader, instance) == 80);

// No packet is larger: a larger size in a file is damage, not a packet that was cut.
inline constexpr std::uint64_t kMaxPacketBytes = std::uint64_t{1} << 30;

// The packet at the beginning of `rest`, its sizes checked against it.
struct Packet {
  PacketHeader header;
  std::span<const std::byte> events;
};

// Why there is no whole packet: `cut` when the file ends within it, otherwise `damage` says what is wrong.
struct NoPacket {
  bool cut = false;
  std::string_view damage;
};
[[nodiscard]] tl::expected<Packet, NoPacket> packet_at(std::span<const std::byte> rest, StreamKey key);

// "<file>: byte <offset>: <what>".
[[nodiscard]] tl::unexpected<Error> damaged_at(std::string_view file, std::uint64_t offset,
                                               std::string_view what);

}  // namespace trapline::recording
