"""The placement of arrays: devices, meshes, memory."""
