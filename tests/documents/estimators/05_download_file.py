run.download_file(name='outputs/my_output_file', output_file_path='my_destination_path')
