// The gRPC face of the history; see history.proto.
#ifndef ELDR_SERVER_SERVICE_HISTORY_SERVICE_H_
#define ELDR_SERVER_SERVICE_HISTORY_SERVICE_H_

#include "absl/status/status.h"
#include "eldr/v1/history.grpc.pb.h"
#include "server/rpc/method_table.h"

namespace eldr {

class HistoryService final : public MethodTable<v1::HistoryService> {
 public:
  // `context` must outlive it.
  explicit HistoryService(ServiceContext& context);
};

// Fills its response, or answers an error and leaves the response to be thrown away.
absl::Status GetHistory(ServiceContext& context, const v1::GetHistoryRequest& request,
                        v1::GetHistoryResponse* response);

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_HISTORY_SERVICE_H_
