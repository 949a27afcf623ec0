// SPDX-License-Identifier: BSL-1.0
// RunOn: a token store, and where calls may wait for it that must not block an event loop.
#ifndef REKEY_TOKEN_RUN_ON_HPP
#define REKEY_TOKEN_RUN_ON_HPP

#include <rekey/version.hpp>

#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// A store for asynchronous clients: `TokensIn{token::RunOn{store, post}, sealer}`.
///
/// Of all calls that need one token one gives the executor a job, which talks to the store, waits
/// for other processes and for the token endpoint, and so may take as long as all of these. The
/// others wait for it without blocking, and so does that call itself. A call that is cancelled
/// ends at once, its job goes on.
///
/// Store      as `TokensIn` takes it; this is the same store.
/// Executor   called as `post(job)`; runs `job()` once, later, on a thread that may block and is
///            none that brings the transport's answers: a pool of your own. A job can be copied. As
///            many jobs run at once as tokens are obtained at once. One that is destroyed without
///            having run cancels its call.
/// Threads    as the store; `post` is called from any thread.
template <class Store, class Executor> class RunOn : public Store {
public:
    using Inside = Store;
    RunOn(Store store, Executor post) : Store(std::move(store)), executor_(std::move(post)) {}
    const Executor& executor() const noexcept { return executor_; }

private:
    Executor executor_;
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
