# Built static, ends in an image that holds the program, certificates and nothing else.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.release=${VERSION}" -o /keybridge ./cmd/keybridge \
 && mkdir -m 0700 /data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /keybridge /keybridge
# The store's folder belongs to the user the program runs as.
COPY --from=build --chown=nonroot:nonroot /data /var/lib/keybridge
VOLUME /var/lib/keybridge
ENV KEYBRIDGE_CONFIG=/etc/keybridge/keybridge.yaml
# 8080: the bridge, for the proxy in front; in the configuration: listen: :8080.
# 9090: health and metrics, on loopback unless operations says otherwise.
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/keybridge", "health"]
ENTRYPOINT ["/keybridge"]
CMD ["serve"]
