# livegen serve and livegen worker in one image, without torch. compose.yaml runs it.
FROM python:3.12-slim-bookworm AS build
WORKDIR /source
COPY . .
RUN python -m venv /opt/livegen \
    && /opt/livegen/bin/pip install --no-cache-dir ".[serve]"

FROM python:3.12-slim-bookworm
COPY --from=build /opt/livegen /opt/livegen
RUN useradd --uid 10001 --create-home livegen \
    && install --directory --owner=livegen /data /cache
USER 10001
# What is compiled on the first run fits the machine's processor, so it is kept in a volume and not in the image.
ENV PATH=/opt/livegen/bin:$PATH \
    LIVEGEN_CACHE_DIR=/cache \
    OMP_NUM_THREADS=1
VOLUME /data /cache
EXPOSE 9126
ENTRYPOINT ["livegen"]
CMD ["serve", "--host", "0.0.0.0", "--folder", "/data"]
