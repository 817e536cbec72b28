#include "client/engines/routed_lists.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client/engines/id_rows.h"

namespace eldr::engines {
namespace {

constexpr int kLayers = 2;   // of a token's list of layers
constexpr int kChoices = 3;  // of a layer's list of ids

// Takes the first length as the one that all later ones must have.
bool Agree(std::uint64_t length, std::uint64_t most, std::uint64_t& agreed) {
  if (agreed == 0) agreed = length;
  return length == agreed && length > 0 && length <= most;
}

}  // namespace

std::string RoutedLists::Place() const {
  std::string place = "routed experts";
  if (depth_ >= kLayers) absl::StrAppend(&place, "[", shape_.tokens, "]");
  if (depth_ >= kChoices) absl::StrAppend(&place, "[", rows_, "]");
  return place + ": ";
}

absl::Status RoutedLists::Begin() {
  if (depth_ == kChoices) {
    return absl::InvalidArgumentError(
        absl::StrCat(Place(), "a list, expected an expert id: [tokens][layers][top_k]"));
  }
  ++depth_;
  if (depth_ == kLayers) rows_ = 0;
  if (depth_ == kChoices) choices_ = 0;
  return absl::OkStatus();
}

absl::Status RoutedLists::End() {
  if (depth_ == kChoices) {
    if (!Agree(choices_, kMaxExperts, shape_.top_k)) {
      return absl::InvalidArgumentError(absl::StrCat(Place(), choices_, " ids, expected 1 to ",
                                                     kMaxExperts, ", as many in every row"));
    }
    ++rows_;
  } else if (depth_ == kLayers) {
    if (!Agree(rows_, kMaxHiddenLayers, shape_.hidden_layers)) {
      return absl::InvalidArgumentError(absl::StrCat(Place(), rows_, " layers, expected 1 to ",
                                                     kMaxHiddenLayers, ", as many in every token"));
    }
    ++shape_.tokens;
  } else if (shape_.tokens == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(Place(), "an empty list, expected those of at least one token"));
  }
  --depth_;
  return absl::OkStatus();
}

absl::Status RoutedLists::Add(std::int64_t id) {
  if (depth_ != kChoices) {
    return absl::InvalidArgumentError(
        absl::StrCat(Place(), "number ", id, ", expected a list: [tokens][layers][top_k]"));
  }
  // Rows of dense layers may hold anything, so whether it is a model's expert is asked later.
  const auto narrow = static_cast<std::int32_t>(id);
  if (narrow != id) {
    return absl::InvalidArgumentError(
        absl::StrCat(Place(), "expert id ", id, ", expected one of 32 bits"));
  }
  ids_.push_back(narrow);
  ++choices_;
  return absl::OkStatus();
}

absl::StatusOr<RoutedExperts> RoutedLists::Select(const Geometry& geometry,
                                                  const RowRange& range) const {
  return SelectIds(shape_, geometry, range,
                   [this](std::uint64_t i) { return std::int64_t{ids_[i]}; });
}

}  // namespace eldr::engines
