#include "core/prefix/block_row.h"

#include <algorithm>
#include <cstring>

namespace eldr {
namespace {

CountWidth WidthFor(std::uint32_t largest) {
  if (largest <= 0xff) return CountWidth::k8;
  return largest <= 0xffff ? CountWidth::k16 : CountWidth::k32;
}

std::size_t BytesOf(CountWidth width) { return static_cast<std::size_t>(width); }

// Calls `visitor` with a zero of the type that is `width` wide.
template <typename Visitor>
void WithType(CountWidth width, Visitor&& visitor) {
  switch (width) {
    case CountWidth::k8:
      return visitor(std::uint8_t{});
    case CountWidth::k16:
      return visitor(std::uint16_t{});
    case CountWidth::k32:
      return visitor(std::uint32_t{});
  }
}

// Numbers of one width, one after the other. Copied byte by byte: those behind gaps of one byte lie
// at any address.
template <typename Number>
class Packed {
 public:
  explicit Packed(std::uint8_t* at) : at_(at) {}
  void Put(std::size_t i, std::uint32_t value) {
    const auto number = static_cast<Number>(value);
    std::memcpy(at_ + i * sizeof(Number), &number, sizeof(Number));
  }
  Number Get(std::size_t i) const {
    Number number;
    std::memcpy(&number, at_ + i * sizeof(Number), sizeof(Number));
    return number;
  }

 private:
  std::uint8_t* const at_;
};

// What decides how counts are packed.
struct Extent {
  std::uint32_t entries = 0;  // that are not zero
  std::uint32_t largest_gap = 0;
  std::uint32_t largest_count = 0;
};

template <typename Count>
Extent Measure(const Count* counts, std::size_t cells) {
  Extent extent;
  std::size_t next = 0;
  for (std::size_t cell = 0; cell < cells; ++cell) {
    if (counts[cell] == 0) continue;
    ++extent.entries;
    extent.largest_gap = std::max(extent.largest_gap, static_cast<std::uint32_t>(cell - next));
    extent.largest_count = std::max<std::uint32_t>(extent.largest_count, counts[cell]);
    next = cell + 1;
  }
  return extent;
}

}  // namespace

BlockRow::BlockRow(const ExpertSignature& signature, const ModelGeometry& geometry)
    : tokens_(signature.tokens()), whole_(signature.covered_layers() == geometry.layers) {
  const std::size_t cells = geometry.cells();
  signature.VisitCounts([&](const auto* counts) {
    const Extent extent = Measure(counts, cells);
    gap_width_ = WidthFor(extent.largest_gap);
    count_width_ = WidthFor(extent.largest_count);
    const std::size_t dense_bytes = cells * BytesOf(count_width_);
    sparse_ = extent.entries * (BytesOf(gap_width_) + BytesOf(count_width_)) < dense_bytes;
    entries_ = sparse_ ? extent.entries : static_cast<std::uint32_t>(cells);
    data_.reset(new std::uint8_t[bytes()]);
    const std::size_t gap_bytes = sparse_ ? entries_ * BytesOf(gap_width_) : 0;
    WithType(count_width_, [&]<typename Count>(Count) {
      Packed<Count> kept(data_.get() + gap_bytes);
      if (!sparse_) {
        for (std::size_t cell = 0; cell < cells; ++cell) kept.Put(cell, counts[cell]);
        return;
      }
      WithType(gap_width_, [&]<typename Gap>(Gap) {
        Packed<Gap> gaps(data_.get());
        std::size_t entry = 0;
        std::size_t next = 0;
        for (std::size_t cell = 0; cell < cells; ++cell) {
          if (counts[cell] == 0) continue;
          gaps.Put(entry, static_cast<std::uint32_t>(cell - next));
          kept.Put(entry, counts[cell]);
          ++entry;
          next = cell + 1;
        }
      });
    });
  });
}

void BlockRow::AddTo(absl::Span<std::uint32_t> sums) const {
  const std::size_t gap_bytes = sparse_ ? entries_ * BytesOf(gap_width_) : 0;
  WithType(count_width_, [&]<typename Count>(Count) {
    const Packed<Count> kept(data_.get() + gap_bytes);
    if (!sparse_) {
      std::uint32_t* const out = sums.data();
      for (std::size_t cell = 0; cell < entries_; ++cell) out[cell] += kept.Get(cell);
      return;
    }
    WithType(gap_width_, [&]<typename Gap>(Gap) {
      const Packed<Gap> gaps(data_.get());
      std::size_t next = 0;
      for (std::size_t entry = 0; entry < entries_; ++entry) {
        next += gaps.Get(entry);
        sums[next] += kept.Get(entry);
        ++next;
      }
    });
  });
}

std::size_t BlockRow::bytes() const {
  const std::size_t each = BytesOf(count_width_) + (sparse_ ? BytesOf(gap_width_) : 0);
  return entries_ * each;
}

}  // namespace eldr
