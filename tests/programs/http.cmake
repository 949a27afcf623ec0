# SPDX-License-Identifier: BSL-1.0
# http: one request to the server under test, with what every machine that builds us has.
#   cmake -DURL=... -DINTO=file -P http.cmake        GET into the file
#   cmake -DURL=... -DBODY=file -P http.cmake        PUT of the file
# Fails unless the answer is a 2xx.
if(DEFINED BODY)
    file(UPLOAD ${BODY} ${URL} STATUS outcome TIMEOUT 20)
else()
    file(DOWNLOAD ${URL} ${INTO} STATUS outcome TIMEOUT 20)
endif()
list(GET outcome 0 code)
if(NOT code EQUAL 0)
    message(FATAL_ERROR "${URL}: ${outcome}")
endif()
