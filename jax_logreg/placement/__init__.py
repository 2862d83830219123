"""Where arrays live: devices, meshes, memory."""
