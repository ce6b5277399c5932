"""The moving average of a network: its formula, its start, what is not a number to average, and its state in a file."""

import pytest
import torch

from cosalpure.train.common import moving_average


@pytest.fixture
def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))


def changed(network):
    """The network after a forward pass, which counts in its norm, with other weights."""
    network.train()(torch.rand(4, 2))
    with torch.no_grad():
        network[0].weight.add_(1)
    return network


def test_the_decay_grows_from_the_start_that_it_forgets(network):
    expected, average = network[0].weight.detach().clone(), moving_average(network, 0.3)
    for n in range(1, 6):
        average.update_parameters(changed(network))
        decay = min(0.3, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * network[0].weight
        torch.testing.assert_close(average.module[0].weight, expected)


def test_running_statistics_are_averaged_and_counters_copied(network):
    average = moving_average(network)
    average.update_parameters(changed(network))
    assert average.module[1].num_batches_tracked == 1
    torch.testing.assert_close(average.module[1].running_mean, network[1].running_mean * 9 / 11)


def test_an_average_goes_on_from_its_state(network):
    whole, start = moving_average(network), moving_average(network)
    whole.update_parameters(changed(network))
    resumed = start
    resumed.load_state_dict(whole.state_dict())
    for average in (whole, resumed):
        average.update_parameters(network)
    changed(network)
    for average in (whole, resumed):
        average.update_parameters(network)
    assert torch.equal(whole.module[0].weight, resumed.module[0].weight)


def test_the_average_is_not_trained(network):
    average = moving_average(network)
    assert not average.module.training and not any(p.requires_grad for p in average.parameters())
